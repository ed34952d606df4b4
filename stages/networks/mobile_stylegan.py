"""MobileStyleGAN: mapping and synthesis network in W and W+.

Belousov, "MobileStyleGAN: A Lightweight Convolutional Neural Network for High-Fidelity Image
Synthesis" (arXiv 2104.04767). The mapping network is StyleGAN2-FFHQ config-f's own, so W is that
generator's W. Demodulation does not depend on the style here, so it is folded into the pointwise
weights, and the noise is fixed: the generator is a deterministic function of ``w_plus``.

Convention. Latents are ``w``: (n, style_dim) or ``w_plus``: (n, rows, style_dim). Images are
(n, 3, size, size) float, about [-1, 1], RGB.
"""

import copy
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.networks.modulated import SLOPE, scaled_inverse_haar, styled_pointwise
from stages.networks.openvino_ir import read_constants

ROUNDED = 64
"""Pixels of the smallest feature map that ``in_bf16`` rounds. Were all of them, images of 256
pixels would differ from float32's 1.6 times as much, for 8 % less time (six codes)."""


@dataclass(frozen=True)
class GeneratorShape:
    """``channels``: features at 4, 8, 16, ... pixels; the image has twice the last resolution."""

    style_dim: int = 512
    channels: tuple[int, ...] = (512, 512, 512, 512, 512, 256, 128, 64)
    mapping_layers: int = 8

    @property
    def blocks(self) -> int:
        return len(self.channels) - 1

    @property
    def rows(self) -> int:
        """Rows of W+ in the original layout (23 for the 1024 network)."""
        return 3 * self.blocks + 2

    @property
    def active_rows(self) -> tuple[int, ...]:
        """Rows of W+ that reach the image; all others have no effect whatever."""
        inner = [row for i in range(self.blocks) for row in (3 * i + 1, 3 * i + 2)]
        return (0, *inner, 3 * self.blocks)

    @property
    def size(self) -> int:
        return int(4 * 2 ** (self.blocks + 1))


def wavelet_image(x: Tensor, scale: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Features (n, c, h, w) times ``scale`` (n, c) to 12 coefficients, then (n, 3, 2h, 2w)."""
    n, c, h, w = x.shape
    flat = torch.bmm(weight.reshape(1, 12, c) * scale[:, None], x.reshape(n, c, h * w))
    return from_coefficients(flat.reshape(n, 12, h, w) + bias)


def from_coefficients(x: Tensor) -> Tensor:
    """Wavelet coefficients (n, 12, h, w) of an image to the image (n, 3, 2h, 2w)."""
    return scaled_inverse_haar(x, x.new_ones(len(x), 12))


class Mapping(nn.Module):
    """z -> w: pixel norm, then fully connected layers with leaky ReLU and gain sqrt(2)."""

    def __init__(self, shape: GeneratorShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Linear(shape.style_dim, shape.style_dim) for _ in range(shape.mapping_layers)
        )

    def forward(self, z: Tensor) -> Tensor:
        w = z * torch.rsqrt(z.square().mean(dim=1, keepdim=True) + 1e-8)
        for layer in self.layers:
            w = math.sqrt(2) * F.leaky_relu(layer(w), 0.2)
        return w


class Modulation(nn.Linear):
    """An independent linear map of one row of W+ to per-channel scales, (n, c)."""


class StyledConv(nn.Module):
    """Modulated 3x3 convolution, fixed noise, bias, leaky ReLU.

    Dense at 4x4, depthwise-separable above it. ``weight`` carries the folded demodulation.
    """

    def __init__(self, style_dim: int, c_in: int, c_out: int, size: int, *, dense: bool) -> None:
        super().__init__()
        self.modulation = Modulation(style_dim, c_in)
        self.scale = 1 / math.sqrt(c_in * 9)
        self.depthwise = None if dense else nn.Parameter(torch.randn(c_in, 1, 3, 3))
        k = 3 if dense else 1
        self.weight = nn.Parameter(torch.randn(c_out, c_in, k, k) / math.sqrt(k))
        self.bias = nn.Parameter(torch.zeros(1, c_out, 1, 1))
        self.register_buffer("noise", torch.zeros(1, 1, size, size))

    noise: Tensor

    def forward(self, x: Tensor, style: Tensor, offset: Tensor | None = None) -> Tensor:
        """``offset``: (n, 1, size, size), of the fixed noise."""
        scale = self.modulation(style) * self.scale
        noise = self.noise if offset is None else self.noise + offset
        if self.depthwise is None:
            x = F.conv2d(x * scale[:, :, None, None], self.weight, padding=1)
            return F.leaky_relu(x + noise + self.bias, SLOPE)
        x = F.conv2d(x, self.depthwise, padding=1, groups=x.shape[1])
        return styled_pointwise(x, scale, self.weight[:, :, 0, 0], noise + self.bias)


class Block(nn.Module):
    """Wavelet upsampling (no convolution, no blur), then two styled convolutions."""

    def __init__(self, style_dim: int, c_in: int, c_out: int, size: int) -> None:
        super().__init__()
        self.up = Modulation(style_dim, c_in)
        self.conv1 = StyledConv(style_dim, c_in // 4, c_out, size, dense=False)
        self.conv2 = StyledConv(style_dim, c_out, c_out, size, dense=False)

    def forward(
        self,
        x: Tensor,
        first: Tensor,
        second: Tensor,
        offsets: tuple[Tensor | None, Tensor | None] = (None, None),
    ) -> Tensor:
        x = self.conv1(scaled_inverse_haar(x, self.up(first)), first, offsets[0])
        return torch.as_tensor(self.conv2(x, second, offsets[1]))


class ToImage(nn.Module):
    """Modulated 1x1 convolution to wavelet coefficients, then the image."""

    def __init__(self, style_dim: int, c_in: int) -> None:
        super().__init__()
        self.modulation = Modulation(style_dim, c_in)
        self.weight = nn.Parameter(torch.randn(12, c_in, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, 12, 1, 1))
        self.scale = 1 / math.sqrt(c_in)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return wavelet_image(x, self.modulation(style) * self.scale, self.weight, self.bias)


class MobileStyleGAN(nn.Module):
    """The generator: ``mapping`` (z to w), ``features`` and ``forward`` (w_plus to image)."""

    def __init__(self, shape: GeneratorShape | None = None) -> None:
        super().__init__()
        self.shape = shape or GeneratorShape()
        s = self.shape
        self.mapping = Mapping(s)
        self.constant = nn.Parameter(torch.randn(1, s.channels[0], 4, 4))
        self.conv1 = StyledConv(s.style_dim, s.channels[0], s.channels[0], 4, dense=True)
        self.blocks = nn.ModuleList(
            Block(s.style_dim, s.channels[i], s.channels[i + 1], 8 * 2**i) for i in range(s.blocks)
        )
        self.to_image = ToImage(s.style_dim, s.channels[-1])

    def in_bf16(self) -> Self:
        """A copy whose features from ``ROUNDED`` pixels on, and what convolves them, are bfloat16.

        Smaller maps, codes, the scales that come of them and images stay float32: they cost
        little, and what is rounded early is magnified.
        """
        copied = copy.deepcopy(self)
        for i, block in enumerate(copied.blocks):
            if 8 * 2**i < ROUNDED:
                continue
            for part in block.modules():
                if isinstance(part, StyledConv):
                    for each in (*part.parameters(recurse=False), *part.buffers(recurse=False)):
                        each.data = each.data.to(torch.bfloat16)
        return copied

    def broadcast(self, w: Tensor) -> Tensor:
        """(n, style_dim) to (n, rows, style_dim): the same code in every row."""
        return w[:, None].expand(-1, self.shape.rows, -1)

    def pyramid(
        self, w_plus: Tensor, size: int, offsets: Sequence[Tensor] = ()
    ) -> Iterator[Tensor]:
        """Feature maps of 4, 8, ... ``size`` pixels, each (n, channels there, s, s).

        ``offsets``: of the noise of the first layers, each (n, 1, s, s); the others keep theirs.
        """
        given = iter(offsets)
        x = self.constant.expand(len(w_plus), -1, -1, -1)
        x = self.conv1(x, w_plus[:, 0], next(given, None))
        yield x
        for i, block in enumerate(self.blocks):
            if x.shape[-1] >= size:
                return
            both = next(given, None), next(given, None)
            assert isinstance(block, Block)  # what ModuleList cannot say
            x = x.to(block.conv1.weight.dtype)
            x = block(x, w_plus[:, 3 * i + 1], w_plus[:, 3 * i + 2], both)
            yield x

    def features(self, w_plus: Tensor, size: int, offsets: Sequence[Tensor] = ()) -> Tensor:
        """Feature map of ``size`` pixels: (n, channels there, size, size)."""
        *_, last = self.pyramid(w_plus, size, offsets)
        return last

    def image(self, features: Tensor, w_plus: Tensor) -> Tensor:
        """The last features to the image: (n, 3, size, size), about [-1, 1]."""
        return torch.as_tensor(self.to_image(features, w_plus[:, 3 * self.shape.blocks]))

    def forward(self, w_plus: Tensor, offsets: Sequence[Tensor] = ()) -> Tensor:
        """w_plus (n, rows, style_dim) to images (n, 3, size, size), about [-1, 1].

        ``offsets``: of the noise, as in ``pyramid``.
        """
        features = self.features(w_plus, self.shape.size // 2, offsets)
        return self.image(features.to(w_plus.dtype), w_plus)

    @torch.no_grad()
    def mean_latent(self, samples: int = 4096, seed: int = 0) -> Tensor:
        """Mean of W over the mapping network's own samples: (style_dim,)."""
        z = torch.randn(samples, self.shape.style_dim, generator=torch.manual_seed(seed))
        return torch.as_tensor(self.mapping(z.to(self.to_image.weight)).mean(dim=0))

    @torch.no_grad()
    def principal_axes(self, samples: int = 4096, seed: int = 0) -> Tensor:
        """Principal axes of W, (style_dim, style_dim), one a column.

        Each is as long as the deviation of the mapping network's own samples along it, all over
        the root of their mean square. On one thread, so that they do not depend on how many there
        are.
        """
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            z = torch.randn(
                samples, self.shape.style_dim, generator=torch.Generator().manual_seed(seed)
            )
            w = self.mapping(z.to(self.to_image.weight)).double().cpu()
            variance, axes = torch.linalg.eigh(torch.cov(w.T))
        finally:
            torch.set_num_threads(threads)
        # Where the mapping network does not go at all, rounding may leave a negative.
        deviation = variance.clamp(min=0).sqrt()
        axes = axes * deviation / deviation.square().mean().sqrt()
        return torch.as_tensor(axes.to(self.to_image.weight))


def load_mobile_stylegan(folder: Path) -> MobileStyleGAN:
    """Build the FFHQ 1024 generator from the wheel's OpenVINO files, frozen and in eval mode."""
    model = MobileStyleGAN()
    _load_mapping(model.mapping, folder)
    _load_synthesis(model, folder)
    return model.eval().requires_grad_(False)


def _load_mapping(mapping: Mapping, folder: Path) -> None:
    # Learning-rate multiplier and equalised-lr gain are folded into the file's numbers.
    values = [c.value for c in read_constants(folder, "MappingNetwork")]
    weights = [v for v in values if v.shape == (512, 512)]
    biases = [v.reshape(512) for v in values if v.numel() == 512]
    for layer, weight, bias in zip(mapping.layers, weights, biases, strict=True):
        layer.load_state_dict({"weight": weight, "bias": bias})


def _load_synthesis(model: MobileStyleGAN, folder: Path) -> None:
    constants = read_constants(folder, "SynthesisNetwork")
    named = {c.name: c.value for c in constants}
    folded = iter([c.value for c in constants if c.name.startswith("Mul_")])
    noises = iter(
        [c.value for c in constants if c.value.ndim == 4 and c.value.shape[:2] == (1, 1)
         and c.value.shape[2] > 1]
    )  # fmt: skip

    def styled(conv: StyledConv, name: str) -> None:
        state = {
            "modulation.weight": named[f"{name}.conv.modulation.weight"],
            "modulation.bias": named[f"{name}.conv.modulation.bias"][0],
            "weight": next(folded),
            "bias": named[f"{name}.bias"],
            "noise": next(noises),
        }
        if conv.depthwise is not None:
            state["depthwise"] = named[f"{name}.conv.weight_dw"][:, 0]
        conv.load_state_dict(state)

    model.constant.data.copy_(named["m.input.input"])
    styled(model.conv1, "m.conv1")
    for i, block in enumerate(model.blocks):
        assert isinstance(block, Block)  # what ModuleList cannot say
        name = f"m.layers.{i}"
        block.up.load_state_dict({
            "weight": named[f"{name}.up.modulation.weight"],
            "bias": named[f"{name}.up.modulation.bias"][0],
        })  # fmt: skip
        styled(block.conv1, f"{name}.conv1")
        styled(block.conv2, f"{name}.conv2")
    head = f"m.layers.{model.shape.blocks - 1}.to_img"
    model.to_image.load_state_dict({
        "modulation.weight": named[f"{head}.conv.modulation.weight"],
        "modulation.bias": named[f"{head}.conv.modulation.bias"][0],
        "weight": named[f"{head}.conv.weight"],
        "bias": named[f"{head}.bias"],
    })  # fmt: skip
