"""An image encoder for the default generator: a crop to the rows of W+ that act.

A convolutional trunk (EfficientNet-lite0, ImageNet weights to start from) sees the crop at 128.
Maps of four depths keep their layout, pose and framing being a matter of where things are, and go
through one narrow hidden vector to an offset of W that all rows share and a low-rank one for each
row. Both are added to the mean latent, so an untrained head answers the mean latent.
"""

from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional as F

from stages.networks.mobile_stylegan import GeneratorShape
from stages.networks.rgb_head import late_rows

FEATURES = 128
"""Side of the features that the 256 head reads: what acts later is not seen, nor predicted."""
INPUT = 128
"""Side of what the trunk sees."""
_DEPTHS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks whose maps are read, of 32, 16, 8 and 4 pixels, and their channels."""
_MEAN, _STD = 0.498, 0.502


def free_rows(shape: GeneratorShape) -> list[int]:
    """Rows of W+ that act before the features of the smallest head."""
    late = late_rows(shape, min(FEATURES, shape.size // 2))
    return [row for row in shape.active_rows if row not in late]


def complete(free: Tensor, shape: GeneratorShape) -> Tensor:
    """Codes (n, free rows, style_dim) to w_plus: every other row is the mean of the free ones."""
    w_plus = free.mean(dim=1, keepdim=True).repeat(1, shape.rows, 1)
    w_plus[:, free_rows(shape)] = free
    return w_plus


class Trunk(nn.Module):
    """EfficientNet-lite0 without its classifier; gives the maps of ``_DEPTHS``."""

    def __init__(self) -> None:
        super().__init__()
        self._take(EfficientNet.from_name("efficientnet-lite0"))

    def _take(self, net: nn.Module) -> None:
        self.stem = nn.Sequential(net._conv_stem, net._bn0, net._swish)  # type: ignore[arg-type]
        self.blocks = nn.ModuleList(net._blocks)  # type: ignore[arg-type]

    def load_imagenet(self, folder: Path) -> None:
        """Start from the wheel's weights."""
        net = EfficientNet.from_name("efficientnet-lite0")
        (file,) = folder.glob("efficientnet-lite0-*.pth")
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self._take(net)

    def forward(self, images: Tensor) -> list[Tensor]:
        """images (n, 3, 128, 128) in [-1, 1] to four maps, finest first."""
        x = self.stem(((images + 1) / 2 - _MEAN) / _STD)
        maps = []
        for depth, block in enumerate(self.blocks):
            x = block(x)
            if depth in _DEPTHS:
                maps.append(x)
        return maps


class Encoder(nn.Module):
    """``forward``: images (n, 3, s, s) in [-1, 1], FFHQ-aligned, to w_plus (n, rows, style_dim)."""

    def __init__(self, shape: GeneratorShape, hidden: int = 480, rank: int = 48) -> None:
        """``rank``: of the map from the hidden vector to the offset of one row."""
        super().__init__()
        self.shape = shape
        self.rows = len(free_rows(shape))
        self.rank = rank
        dim = shape.style_dim
        self.trunk = Trunk()
        fine, middle, coarse, last = _DEPTHS.values()
        self.necks = nn.ModuleList([
            nn.Conv2d(fine, 16, 5, stride=4, padding=1),   # 32 pixels to 8
            nn.Conv2d(middle, 24, 3, stride=2, padding=1), # 16 pixels to 8
            nn.Conv2d(coarse, 32, 1),
            nn.Conv2d(last, 128, 1),
        ])  # fmt: skip
        # And the picture itself at 8x8: colours and light are nearly linear in it.
        width = (16 + 24 + 32 + 3) * 64 + 128 * 16
        self.narrow = nn.Linear(width, hidden)
        self.norm = nn.LayerNorm(hidden)
        self.mix = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.shared = nn.Linear(hidden, dim)
        self.per_row = nn.Linear(hidden, self.rows * rank)
        self.decode = nn.Parameter(torch.zeros(self.rows, rank, dim))
        nn.init.zeros_(self.shared.weight)
        nn.init.zeros_(self.shared.bias)
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    mean: Tensor
    scale: Tensor

    def channels_last(self) -> "Encoder":
        """Lay the convolutions out channels last: a third faster on a CPU, forward and backward."""
        for part in (self.trunk, self.necks):
            part.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def free(self, images: Tensor) -> Tensor:
        """images (n, 3, s, s) in [-1, 1] to codes of the free rows, (n, free rows, style_dim)."""
        if images.shape[-1] != INPUT:
            images = F.interpolate(images, (INPUT, INPUT), mode="area")
        images = images.contiguous(memory_format=torch.channels_last)
        maps = self.trunk(images)
        found = [neck(m).flatten(1) for neck, m in zip(self.necks, maps, strict=True)]
        found.append(F.avg_pool2d(images, INPUT // 8).flatten(1))
        h = self.norm(self.narrow(torch.cat(found, dim=1)))
        h = h + self.mix(h)
        rows = self.per_row(h).reshape(-1, self.rows, self.rank)
        offset = self.shared(h)[:, None] + torch.einsum("nrk,rkd->nrd", rows, self.decode)
        return torch.as_tensor(self.mean + self.scale * offset)

    def forward(self, images: Tensor) -> Tensor:
        """images (n, 3, s, s) in [-1, 1] to w_plus (n, rows, style_dim)."""
        return complete(self.free(images), self.shape)
