"""Cheap 128, 256 and 512 images from the generator's inner features.

The distilled generator keeps only its last RGB head, so a 256 image would cost a 1024 pass. A head
reads the features of half its output size twice: as they are, and after the generator's own
remaining blocks run at that resolution (of each wavelet upsampling only the low band is kept, so
nothing grows). The second is what carries colour and contrast, which the late rows of W+ decide.
One linear map of both, fitted by least squares, gives the wavelet coefficients of the full output,
area-downsampled.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from stages.networks.mobile_stylegan import (
    Block,
    GeneratorShape,
    MobileStyleGAN,
    StyledConv,
    from_coefficients,
)
from stages.networks.modulated import styled_pointwise

COARSE = 128
"""Only looked at by losses, which begin there at about 0.6 of the price of 256; never shown."""
SIZES = (COARSE, 256, 512)


def late_rows(shape: GeneratorShape, features: int) -> tuple[int, ...]:
    """Rows of W+ that act only after the feature map of ``features`` pixels."""
    done = {4: 0} | {8 * 2**i: 3 * i + 2 for i in range(shape.blocks)}
    return tuple(row for row in shape.active_rows if row > done[features])


def future(model: MobileStyleGAN, features: Tensor, w_plus: Tensor) -> tuple[Tensor, Tensor]:
    """What the generator's remaining blocks make of features (n, c, s, s), still at s pixels.

    Returns:
        (n, last channels, s, s), and the scales (n, last channels) of the generator's own head.
    """
    x, size = features, features.shape[-1]
    for i, block in enumerate(model.blocks):
        assert isinstance(block, Block)  # what ModuleList cannot say
        if 8 * 2**i > size:
            first, second = w_plus[:, 3 * i + 1], w_plus[:, 3 * i + 2]
            low = x.shape[1] // 4
            # The inverse Haar transform spreads the low band over 2x2 pixels at half its value.
            up = block.up(first)[:, :low] / 2
            x = _at_low_resolution(block.conv1, x[:, :low], first, up)
            x = _at_low_resolution(block.conv2, x, second)
    style = model.to_image.modulation(w_plus[:, 3 * model.shape.blocks])
    return x, style * model.to_image.scale


def head_inputs(model: MobileStyleGAN, features: Tensor, w_plus: Tensor) -> Tensor:
    """What a head is linear in: features (n, c, s, s) beside their own future at s pixels.

    Returns:
        (n, c + last channels, s, s).
    """
    x, scale = future(model, features, w_plus)
    return torch.cat((features, x * scale[:, :, None, None]), dim=1)


def _at_low_resolution(
    conv: StyledConv, x: Tensor, style: Tensor, before: Tensor | float = 1.0
) -> Tensor:
    """A depthwise-separable styled convolution on a coarser grid: without its noise.

    ``before``: scales (n, c_in) of the input; they commute with the depthwise part.
    """
    scale = conv.modulation(style) * conv.scale * before
    assert conv.depthwise is not None  # only the first convolution is dense
    x = F.pad(x.to(conv.depthwise.dtype), (1, 1, 1, 1), mode="replicate")
    x = F.conv2d(x, conv.depthwise, groups=x.shape[1])
    return styled_pointwise(x, scale, conv.weight[:, :, 0, 0], conv.bias)


class RenderableGenerator(nn.Module):
    """The generator with its heads: images at 128, 256, 512 or full size."""

    def __init__(self, generator: MobileStyleGAN, heads: dict[int, Tensor]) -> None:
        """``heads``: by output size, (12, inputs + 1); the last column is the bias."""
        super().__init__()
        self.generator = generator
        self.head_sizes = tuple(sorted(heads))
        for size, head in heads.items():
            self.register_buffer(f"head_{size}", head)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Those that are fit to be shown."""
        shown = (size for size in self.head_sizes if size != COARSE)
        return (*shown, self.generator.shape.size)

    def forward(self, w_plus: Tensor, size: int, offsets: Sequence[Tensor] = ()) -> Tensor:
        """w_plus (n, rows, style_dim) to images (n, 3, size, size), about [-1, 1].

        ``offsets``: of the noise of the first layers, see ``MobileStyleGAN.pyramid``.

        Raises:
            ValueError: there is no head for that size.
        """
        if size == self.generator.shape.size:
            return torch.as_tensor(self.generator(w_plus, offsets))
        if size not in self.head_sizes:
            known = (*self.head_sizes, self.generator.shape.size)
            raise ValueError(f"no head renders at {size}; sizes are {known}")
        head = self.get_buffer(f"head_{size}")
        features = self.generator.features(w_plus, size // 2, offsets)
        c = features.shape[1]
        # The map of ``head_inputs``, without ever holding both parts beside each other.
        x, scale = future(self.generator, features, w_plus)
        features, x = features.to(w_plus.dtype), x.to(w_plus.dtype)
        n, last, h, w = x.shape
        y = torch.bmm(head[:, c:-1] * scale[:, None], x.reshape(n, last, h * w))
        y = y + torch.matmul(head[:, :c], features.reshape(n, c, h * w)) + head[:, -1:]
        return from_coefficients(y.reshape(n, 12, h, w))

    def in_bf16(self) -> "RenderableGenerator":
        """A copy whose generator passes bfloat16 on (``MobileStyleGAN.in_bf16``); same heads."""
        heads = {size: self.get_buffer(f"head_{size}") for size in self.head_sizes}
        return RenderableGenerator(self.generator.in_bf16(), heads).train(self.training)


def load_heads(generator: MobileStyleGAN, file: Path) -> RenderableGenerator:
    """Attach the fitted heads of a safetensors file (keys: sizes), frozen."""
    heads = {int(key): value.float() for key, value in load_file(file).items()}
    return RenderableGenerator(generator, heads).eval().requires_grad_(False)
