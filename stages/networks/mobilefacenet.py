"""MobileFaceNet (Chen et al. 2018, arXiv 1804.07573): a recognition network, from a user's file.

No such weights come with the product or from a package registry, so whoever wants identity
figures names a checkpoint: the common PyTorch port trained with ArcFace, with a depth-wise global
convolution at its end, parameter names with or without a prefix. It measures; no loss sees it.
"""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from pipeline.failure import InputError
from stages.quad import eyes_and_mouth

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

NAME = "mobilefacenet"
SIZE = 112
ARCFACE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
"""Where ArcFace's crops have the eyes, the nose and the corners of the mouth."""
_NOSE, _MOUTH = 1, (61, 291)  # points of the mesh
_BATCH = 32


class Identity:
    """``chips``: (n, 112, 112, 3) uint8 RGB to (n, d) unit vectors."""

    def __init__(self, file: Path) -> None:
        """Raises InputError when the file is not a checkpoint of this network."""
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
            prefix = _prefix(state)
            self._net = _Net(len(state[f"{prefix}last_bn.weight"])).eval().requires_grad_(False)
            self._net.load_state_dict({k.removeprefix(prefix): v for k, v in state.items()})
        except Exception as error:  # a stranger's file fails in any way it likes
            raise InputError(
                f"{file.name} is not a PyTorch checkpoint of MobileFaceNet "
                f"({str(error).splitlines()[0] if str(error) else type(error).__name__})."
            ) from error

    @torch.inference_mode()
    def __call__(self, chips: U8) -> F32:
        x = (torch.from_numpy(chips).permute(0, 3, 1, 2).float() - 127.5) / 128
        # Averaging with the mirrored face is the customary test-time protocol.
        parts = [self._net(p) + self._net(p.flip(3)) for p in torch.split(x, _BATCH)]
        return np.asarray(nn.functional.normalize(torch.cat(parts)).numpy(), np.float32)


def face_chip(image: U8, mesh: F32) -> U8:
    """(112, 112, 3) ArcFace crop of the face whose (468, 2) mesh is given.

    The similarity that brings the five points nearest to the template (Umeyama 1991).
    """
    eyes = eyes_and_mouth(mesh)[:2]
    points = np.vstack([eyes, mesh[[_NOSE, *_MOUTH]].astype(np.float64)])
    return np.asarray(
        cv2.warpAffine(image, similarity(points, ARCFACE), (SIZE, SIZE), flags=cv2.INTER_AREA),
        np.uint8,
    )


def similarity(source: F64, target: F64) -> F64:
    """(2, 3) least-squares similarity taking points (n, 2) to others, without mirroring."""
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    u, s, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, np.sign(np.linalg.det(u @ vt))])
    turn = (u * sign) @ vt * ((s * sign).sum() / (a**2).sum())
    shift = target.mean(axis=0) - turn @ source.mean(axis=0)
    return np.hstack([turn, shift[:, None]])


def _prefix(state: dict[str, Tensor]) -> str:
    first = "conv1.conv.weight"
    for name in state:
        if name.endswith(first):
            return name.removesuffix(first)
    raise ValueError(f"it has no {first}")


class _ConvBn(nn.Module):
    def __init__(self, i: int, o: int, k: int, s: int = 1, groups: int = 1, linear: bool = False):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k, s, k // 2, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(o)
        self.prelu = nn.Identity() if linear else nn.PReLU(o)

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.prelu(self.bn(self.conv(x))))


class _Bottleneck(nn.Module):
    """Expand, depth-wise, project."""

    def __init__(self, i: int, mid: int, o: int, stride: int) -> None:
        super().__init__()
        self.conv = _ConvBn(i, mid, 1)
        self.conv_dw = _ConvBn(mid, mid, 3, stride, mid)
        self.project = _ConvBn(mid, o, 1, linear=True)
        self.residual = stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.conv_dw(self.conv(x)))
        return torch.as_tensor(x + y if self.residual else y)


class _Repeat(nn.Module):
    def __init__(self, channels: int, mid: int, count: int) -> None:
        super().__init__()
        self.model = nn.Sequential(*(_Bottleneck(channels, mid, channels, 1) for _ in range(count)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.model(x))


class _Net(nn.Module):
    """Table 1 of the paper; module names are those of the checkpoint."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.conv1 = _ConvBn(3, 64, 3, 2)
        self.conv2_dw = _ConvBn(64, 64, 3, 1, 64)
        self.conv_23 = _Bottleneck(64, 128, 64, 2)
        self.conv_3 = _Repeat(64, 128, 4)
        self.conv_34 = _Bottleneck(64, 256, 128, 2)
        self.conv_4 = _Repeat(128, 256, 6)
        self.conv_45 = _Bottleneck(128, 512, 128, 2)
        self.conv_5 = _Repeat(128, 256, 2)
        self.sep = nn.Conv2d(128, 512, 1, bias=False)
        self.sep_bn = nn.BatchNorm2d(512)
        self.prelu = nn.PReLU(512)
        self.GDC_dw = nn.Conv2d(512, 512, 7, groups=512, bias=False)
        self.GDC_bn = nn.BatchNorm2d(512)
        self.features = nn.Conv2d(512, dims, 1, bias=False)
        self.last_bn = nn.BatchNorm2d(dims)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv_23(self.conv2_dw(self.conv1(x)))
        x = self.conv_5(self.conv_45(self.conv_4(self.conv_34(self.conv_3(x)))))
        x = self.prelu(self.sep_bn(self.sep(x)))
        return torch.as_tensor(self.last_bn(self.features(self.GDC_bn(self.GDC_dw(x)))).flatten(1))
