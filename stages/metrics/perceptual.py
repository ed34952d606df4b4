"""Perceptual distance between face crops, by the network that can be had; its name says which."""

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stages.networks.perceptual import NAME, Perceptual

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


class PerceptualMetric(Protocol):
    """Distances of one network. ``name``: as reports print it."""

    @property
    def name(self) -> str: ...

    def __call__(self, a: U8, b: U8) -> F32:
        """(n,) distances between corresponding crops, (n, s, s, 3) uint8 RGB each."""


class EffnetDistance:
    """The offline one: channel-normalised EfficientNet-lite0 features at five depths."""

    name = f"perceptual_{NAME}"

    def __init__(self, network: Perceptual) -> None:
        self._network = network

    @torch.inference_mode()
    def __call__(self, a: U8, b: U8) -> F32:
        features = (self._network.features(to_tensor(x)) for x in (a, b))
        return np.asarray(self._network.distance(*features).numpy(), np.float32)


def to_tensor(crops: U8) -> Tensor:
    """(n, s, s, 3) uint8 to (n, 3, s, s) float32 in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(crops)).permute(0, 3, 1, 2).float() / 127.5 - 1
