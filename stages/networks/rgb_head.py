"""Small heads that turn the generator's inner features into a 256 or 512 image.

The distilled generator keeps only its last RGB head, so a 256 image would cost a 1024 pass. A
head reads the features of half its output size, and the rows of W+ that act after them (they
shift colour and contrast), and predicts the wavelet coefficients of the area-downsampled full
output.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from stages.networks.mobile_stylegan import GeneratorShape, MobileStyleGAN, inverse_haar


def late_rows(shape: GeneratorShape, features: int) -> tuple[int, ...]:
    """Rows of W+ that act only after the feature map of ``features`` pixels."""
    done = {4: 0} | {8 * 2**i: 3 * i + 2 for i in range(shape.blocks)}
    return tuple(row for row in shape.active_rows if row > done[features])


class RGBHead(nn.Module):
    """Features (n, c, s, s) and w_plus to an image (n, 3, 2s, 2s), about [-1, 1]."""

    def __init__(self, shape: GeneratorShape, size: int, width: int) -> None:
        super().__init__()
        self.size = size
        block = shape.channels[{4 * 2**i: i for i in range(len(shape.channels))}[size // 2]]
        self.rows = late_rows(shape, size // 2)
        self.style = nn.Linear(len(self.rows) * shape.style_dim, 2 * width)
        self.reduce = nn.Conv2d(block, width, 1)
        self.mix = nn.Conv2d(width, width, 3, padding=1, padding_mode="replicate")
        self.out = nn.Conv2d(2 * width, 12, 1)
        nn.init.zeros_(self.style.weight)
        nn.init.zeros_(self.style.bias)
        nn.init.zeros_(self.out.weight)

    @torch.no_grad()
    def start_linear(self, weight: Tensor, bias: Tensor) -> None:
        """Begin as a linear head, (12, c) and (12,): the rest then corrects it."""
        self.reduce.weight[:12] = weight[:, :, None, None]
        torch.as_tensor(self.reduce.bias)[:12] = 0
        self.out.weight[:, :12, 0, 0] = torch.eye(12)
        torch.as_tensor(self.out.bias).copy_(bias)

    def forward(self, features: Tensor, w_plus: Tensor) -> Tensor:
        scale, shift = self.style(w_plus[:, list(self.rows)].flatten(1))[:, :, None, None].chunk(
            2, dim=1
        )
        linear = self.reduce(features) * (1 + scale) + shift
        mixed = F.leaky_relu(self.mix(F.leaky_relu(linear, 0.2)), 0.2)
        x = self.out(torch.cat((linear, mixed), dim=1))
        n, _, h, w = x.shape
        return inverse_haar(x[:, :3], x[:, 3:].reshape(n, 3, 3, h, w))


WIDTHS = {256: 48, 512: 32}


class RenderableGenerator(nn.Module):
    """The generator with its heads: images at 256, 512 or full size."""

    def __init__(self, generator: MobileStyleGAN, heads: dict[int, RGBHead]) -> None:
        super().__init__()
        self.generator = generator
        self.heads = nn.ModuleDict({str(size): head for size, head in heads.items()})

    @property
    def sizes(self) -> tuple[int, ...]:
        return (*sorted(int(size) for size in self.heads), self.generator.shape.size)

    def forward(self, w_plus: Tensor, size: int) -> Tensor:
        """w_plus (n, rows, style_dim) to images (n, 3, size, size), about [-1, 1].

        Raises:
            ValueError: there is no head for that size.
        """
        if size == self.generator.shape.size:
            return torch.as_tensor(self.generator(w_plus))
        if str(size) not in self.heads:
            raise ValueError(f"no head renders at {size}; sizes are {self.sizes}")
        features = self.generator.features(w_plus, size // 2)
        return torch.as_tensor(self.heads[str(size)](features, w_plus))


def load_heads(generator: MobileStyleGAN, file: Path) -> RenderableGenerator:
    """Attach the fitted heads of a safetensors file (keys ``SIZE.parameter``), frozen."""
    tensors = load_file(file)
    heads = {}
    for size in sorted({int(key.partition(".")[0]) for key in tensors}):
        prefix = f"{size}."
        state = {
            k.removeprefix(prefix): v.float() for k, v in tensors.items() if k.startswith(prefix)
        }
        head = RGBHead(generator.shape, size, width=len(state["reduce.weight"]))
        head.load_state_dict(state)
        heads[size] = head
    return RenderableGenerator(generator, heads).eval().requires_grad_(False)
