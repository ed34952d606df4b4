"""Perceptual distance from EfficientNet-lite0 features: the offline stand-in for LPIPS.

Features at five depths (1/2 to 1/16 of the input's resolution), each normalised over its channels
as in LPIPS (Zhang et al. 2018), without LPIPS's learned weights. Reports name it
``effnetlite0``: its numbers are not LPIPS's.
"""

from pathlib import Path

import torch
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn

NAME = "effnetlite0"
_DEPTHS = (0, 2, 4, 7, 10)
_MEAN, _STD = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)


class Perceptual(nn.Module):
    """``features`` of images, and the distance between two sets of them."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        net = EfficientNet.from_name("efficientnet-lite0")
        (file,) = folder.glob("efficientnet-lite0-*.pth")
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        self.stem = nn.Sequential(net._conv_stem, net._bn0, net._swish)
        self.blocks = nn.ModuleList(net._blocks[: _DEPTHS[-1] + 1])
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(_STD).view(1, 3, 1, 1))
        self.eval().requires_grad_(False)

    mean: Tensor
    std: Tensor

    def features(self, images: Tensor) -> list[Tensor]:
        """images (n, 3, s, s) in [-1, 1] to five maps, unit length over channels."""
        x = self.stem(((images + 1) / 2 - self.mean) / self.std)
        maps = []
        for depth, block in enumerate(self.blocks):
            x = block(x)
            if depth in _DEPTHS:
                length = x.square().sum(dim=1, keepdim=True).add(1e-8).sqrt()
                maps.append(x / length)
        return maps

    @staticmethod
    def distance(a: list[Tensor], b: list[Tensor]) -> Tensor:
        """(n,) squared distances, averaged over pixels, summed over channels and depths."""
        terms = [(x - y).square().sum(dim=1).mean(dim=(1, 2)) for x, y in zip(a, b, strict=True)]
        return torch.stack(terms).sum(dim=0)
