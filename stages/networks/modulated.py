"""Modulated operations of the generator with their gradients written out.

Much of a step of an inversion is memory traffic, not arithmetic: left to autograd, modulation,
noise, bias and activation are a pass over the features each, forward and backward, and each keeps
its input. Here a layer keeps two maps, its depthwise output and its result, and passes over them
as seldom as can be. Modulation scales channels, so it commutes with a depthwise convolution and
moves into the pointwise weight.

Both gradients of parameters are there too, so a generator may be trained through them.

Maps may be bfloat16 where scales are float32: results are of the maps' type.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

SLOPE = 0.2
"""Of the leaky ReLU."""


class _StyledPointwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
        n, c, h, w = x.shape
        flat = x.reshape(n, c, h * w)
        mixed = (weight[None] * scale[:, None]).to(x.dtype)
        y = torch.bmm(mixed, flat).reshape(n, -1, h, w)
        y.add_(shift)
        torch.nn.functional.leaky_relu_(y, SLOPE)
        ctx.save_for_backward(flat, scale, weight, y)
        ctx.shift_shape = shift.shape
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        flat, scale, weight, y = ctx.saved_tensors
        n, c, hw = flat.shape
        # The sign of the result is the sign of what went into the activation.
        g = torch.ops.aten.leaky_relu_backward(grad, y, SLOPE, True)
        shift = g.sum_to_size(ctx.shift_shape) if ctx.needs_input_grad[3] else None
        g = g.reshape(n, -1, hw)
        outer = torch.bmm(g, flat.transpose(1, 2)) if ctx.needs_input_grad[2] else None
        to_weight = None if outer is None else (outer * scale[:, None]).sum(dim=0)
        into = torch.matmul(weight.T, g)
        to_scale = torch.linalg.vecdot(into, flat)
        to_x = into.mul_(scale[:, :, None].to(into.dtype)).reshape(n, c, *y.shape[2:])
        return to_x, to_scale, to_weight, shift


def styled_pointwise(x: Tensor, scale: Tensor, weight: Tensor, shift: Tensor) -> Tensor:
    """leaky ReLU(weight (scale * x) + shift).

    Args:
        x: (n, c_in, h, w), of the same type as the weight. scale: (n, c_in). weight: (c_out,
            c_in).
        shift: broadcast to (c_out, h, w), with a leading 1: bias, noise or both.

    Returns:
        (n, c_out, h, w).
    """
    return cast(Tensor, _StyledPointwise.apply(x, scale, weight, shift))  # type: ignore[no-untyped-call]


class _ScaledInverseHaar(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor) -> Tensor:
        ctx.save_for_backward(x, scale)
        n, c, h, w = x.shape
        y = x * (scale * 0.5).to(x.dtype)[:, :, None, None]
        low, high = y[:, : c // 4], y[:, c // 4 :].reshape(n, c // 4, 3, h, w)
        quads = y.new_empty(n, c // 4, 4, h, w)
        _butterfly((low, *high.unbind(2)), quads.unbind(2))
        return torch.nn.functional.pixel_shuffle(quads.reshape(n, c, h, w), 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, scale = ctx.saved_tensors
        n, c, h, w = x.shape
        quads = torch.nn.functional.pixel_unshuffle(grad, 2).reshape(n, c // 4, 4, h, w)
        into = torch.empty_like(x)
        low, high = into[:, : c // 4], into[:, c // 4 :].reshape(n, c // 4, 3, h, w)
        # The matrix of signs is symmetric: the transform is its own transpose.
        _butterfly(quads.unbind(2), (low, *high.unbind(2)))
        into.mul_(0.5)
        to_scale = torch.linalg.vecdot(into.reshape(n, c, h * w), x.reshape(n, c, h * w))
        return into.mul_(scale.to(into.dtype)[:, :, None, None]), to_scale


def scaled_inverse_haar(x: Tensor, scale: Tensor) -> Tensor:
    """Inverse Haar wavelet transform ("db1") of scaled channels.

    Args:
        x: (n, 4c, h, w): the low band of all channels, then (lh, hl, hh) of each.
        scale: (n, 4c).

    Returns:
        (n, c, 2h, 2w).
    """
    return cast(Tensor, _ScaledInverseHaar.apply(x, scale))  # type: ignore[no-untyped-call]


def _butterfly(given: tuple[Tensor, ...], out: tuple[Tensor, ...]) -> None:
    """Sums of four with the signs (+ + + +), (+ + - -), (+ - + -), (+ - - +)."""
    a, b, c, d = given
    plus, minus, sums, differences = a + b, a - b, c + d, c - d
    torch.add(plus, sums, out=out[0])
    torch.sub(plus, sums, out=out[1])
    torch.add(minus, differences, out=out[2])
    torch.sub(minus, differences, out=out[3])
