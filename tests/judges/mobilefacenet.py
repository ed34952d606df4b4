"""Identity: MobileFaceNet (arXiv 1804.07573) trained with ArcFace, in no loss of ours."""

from pathlib import Path

import numpy as np
import torch
from torch import nn


class ConvBn(nn.Module):
    """Convolution, batch norm and, unless linear, PReLU."""

    def __init__(self, i: int, o: int, k: int, s: int = 1, groups: int = 1, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(o)
        self.prelu = nn.Identity() if linear else nn.PReLU(o)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.prelu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """Expand, depth-wise, project."""

    def __init__(self, i: int, mid: int, o: int, stride: int) -> None:
        super().__init__()
        self.conv = ConvBn(i, mid, 1)
        self.conv_dw = ConvBn(mid, mid, 3, stride, mid)
        self.project = ConvBn(mid, o, 1, linear=True)
        self.residual = stride == 1

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        return x + y if self.residual else y


class Repeat(nn.Module):
    """``count`` residual bottlenecks."""

    def __init__(self, channels: int, mid: int, count: int) -> None:
        super().__init__()
        blocks = [Bottleneck(channels, mid, channels, 1) for _ in range(count)]
        self.model = nn.Sequential(*blocks)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class Net(nn.Module):
    """Module names are those of the checkpoint."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = ConvBn(3, 64, 3, 2)
        self.conv2_dw = ConvBn(64, 64, 3, 1, 64)
        self.conv_23 = Bottleneck(64, 128, 64, 2)
        self.conv_3 = Repeat(64, 128, 4)
        self.conv_34 = Bottleneck(64, 256, 128, 2)
        self.conv_4 = Repeat(128, 256, 6)
        self.conv_45 = Bottleneck(128, 512, 128, 2)
        self.conv_5 = Repeat(128, 256, 2)
        self.sep = nn.Conv2d(128, 512, 1, bias=False)
        self.sep_bn = nn.BatchNorm2d(512)
        self.prelu = nn.PReLU(512)
        self.GDC_dw = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.GDC_bn = nn.BatchNorm2d(512)
        self.features = nn.Conv2d(512, 128, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(128)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv_23(self.conv2_dw(self.conv1(x)))
        x = self.conv_4(self.conv_34(self.conv_3(x)))
        x = self.conv_5(self.conv_45(x))
        x = self.prelu(self.sep_bn(self.sep(x)))
        return self.last_bn(self.features(self.GDC_bn(self.GDC_dw(x)))).flatten(1)


class MobileFaceNet:
    """``embed(crops)``: (n, 112, 112, 3) uint8 RGB ArcFace crops -> (n, 128) unit vectors."""

    def __init__(self, weights: Path) -> None:
        path = weights / "identity_mobilefacenet" / "arcface_mobilefacenet.pth"
        state = torch.load(path, map_location="cpu", weights_only=True)
        self._net = Net().eval()
        self._net.load_state_dict({k.removeprefix("arcface."): v for k, v in state.items()})

    @torch.inference_mode()
    def embed(self, crops: np.ndarray) -> np.ndarray:
        x = (torch.from_numpy(crops).permute(0, 3, 1, 2).float() - 127.5) / 128
        # Averaging with the mirrored face is the customary test-time protocol.
        parts = [self._net(p) + self._net(p.flip(3)) for p in x.split(32)]
        return nn.functional.normalize(torch.cat(parts)).numpy()
