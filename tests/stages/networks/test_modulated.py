"""Modulated operations against the plain formulas, gradients against finite differences."""

import torch
from torch.nn import functional as F

from stages.networks.modulated import SLOPE, scaled_inverse_haar, styled_pointwise


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=random, dtype=torch.float64)


def test_styled_pointwise_is_modulate_convolve_shift_and_activate() -> None:
    x, scale, weight = draw(2, 3, 4, 5), draw(2, 3, seed=1), draw(6, 3, seed=2)
    for shift in (draw(1, 6, 1, 1, seed=3), draw(1, 6, 4, 5, seed=3)):
        plain = F.conv2d(x * scale[:, :, None, None], weight[:, :, None, None])
        wanted = F.leaky_relu(plain + shift, SLOPE)
        torch.testing.assert_close(styled_pointwise(x, scale, weight, shift), wanted)


def test_all_four_gradients_of_styled_pointwise() -> None:
    for shift in (draw(1, 6, 1, 1, seed=3), draw(1, 6, 4, 5, seed=3)):
        given = [draw(2, 3, 4, 5), draw(2, 3, seed=1), draw(6, 3, seed=2), shift]
        assert torch.autograd.gradcheck(styled_pointwise, [t.requires_grad_() for t in given])


def near(exact: tuple[torch.Tensor, ...], found: tuple[torch.Tensor, ...]) -> bool:
    """Whether all are within what eight bits leave, and not the same."""
    errors = [float((f.float() - e).norm() / e.norm()) for e, f in zip(exact, found, strict=True)]
    return all(1e-4 < error < 2e-2 for error in errors)


def test_maps_may_be_bfloat16_where_scales_are_not() -> None:
    given = [draw(2, 64, 4, 5), draw(2, 64, seed=1), draw(6, 64, seed=2), draw(1, 6, 1, 1)]
    found = []
    for kind in (torch.float32, torch.bfloat16):
        x, scale, weight, shift = (each.float() for each in given)
        inputs = [x.to(kind), scale, weight.to(kind), shift.to(kind)]
        for each in inputs:
            each.requires_grad_()
        y = styled_pointwise(*inputs)
        z = scaled_inverse_haar(inputs[0], inputs[1])
        assert y.dtype == z.dtype == kind
        loss = y.float().square().sum() + z.float().square().sum()
        grads = torch.autograd.grad(loss, inputs)
        assert [each.dtype for each in grads] == [kind, torch.float32, kind, kind]
        found.append((y.detach(), z.detach(), *grads))
    assert near(*found)


def test_the_inverse_haar_transform_follows_the_formula() -> None:
    """methods.md 4.2, which is pywt.idwt2((ll, (lh, hl, hh)), "db1")."""
    ll, high, scale = draw(2, 3, 4, 5), draw(2, 3, 3, 4, 5, seed=1), draw(2, 12, seed=2)
    y = scaled_inverse_haar(torch.cat((ll, high.flatten(1, 2)), dim=1), scale)
    ll = ll * scale[:, :3, None, None]
    lh, hl, hh = (high * scale[:, 3:].reshape(2, 3, 3, 1, 1)).unbind(dim=2)

    assert y.shape == (2, 3, 8, 10)
    torch.testing.assert_close(y[..., 0::2, 0::2], (ll + lh + hl + hh) / 2)
    torch.testing.assert_close(y[..., 0::2, 1::2], (ll + lh - hl - hh) / 2)
    torch.testing.assert_close(y[..., 1::2, 0::2], (ll - lh + hl - hh) / 2)
    torch.testing.assert_close(y[..., 1::2, 1::2], (ll - lh - hl + hh) / 2)


def test_both_gradients_of_the_inverse_haar_transform() -> None:
    given = [draw(2, 8, 3, 4).requires_grad_(), draw(2, 8, seed=1).requires_grad_()]
    assert torch.autograd.gradcheck(scaled_inverse_haar, given)
