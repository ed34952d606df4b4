"""One vector per picture for Frechet distances: EfficientNet-lite0's last blocks, averaged.

The 320 channels after the last MBConv block, at 1/32 of the resolution, averaged over the picture,
on crops of 224 pixels, the network's own input size. FID takes the 2048 of Inception at the same
place; fewer dimensions need fewer samples.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from efficientnet_lite_pytorch import EfficientNet
from numpy.typing import NDArray
from torch import nn

NAME = "fd_effnetlite0"
DIMS = 320
SIZE = 224

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


class PooledFeatures:
    """``features`` of pictures, (n, 320)."""

    def __init__(self, folder: Path) -> None:
        net = EfficientNet.from_name("efficientnet-lite0")
        (file,) = folder.glob("efficientnet-lite0-*.pth")
        net.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
        stem = (net._conv_stem, net._bn0, net._swish)
        self._net = nn.Sequential(*stem, *net._blocks).eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, crops: U8) -> F32:
        """``crops``: (n, s, s, 3) uint8 RGB; other sizes than 224 are averaged down to it."""
        small = np.stack([cv2.resize(c, (SIZE, SIZE), interpolation=cv2.INTER_AREA) for c in crops])
        # (x - 127) / 128 is what the network was trained on.
        x = (torch.from_numpy(small).permute(0, 3, 1, 2).float() - 127) / 128
        return np.asarray(self._net(x).mean(dim=(2, 3)).numpy(), np.float32)
