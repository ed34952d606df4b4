"""LPIPS (Zhang et al. 2018) with VGG-16, where its weights and its library can be had.

The library ``lpips`` carries the learned layer weights; the VGG-16 of torchvision is a file that
the user pulls once, for it is large and on no package registry.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pipeline.failure import MissingDependency
from stages.metrics.perceptual import to_tensor
from stages.torchvision_ops import declare_missing_operators

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
_LAYERS = ((0, 4), (4, 9), (9, 16), (16, 23), (23, 30))  # of VGG-16's features, by slice


class LpipsDistance:
    """``lpips_vgg``: 0 for equal pictures, about 0.1 to 0.7 between unlike ones."""

    name = "lpips_vgg"

    def __init__(self, folder: Path) -> None:
        """Load torchvision's VGG-16 from ``folder``. Raises MissingDependency without ``lpips``."""
        (file,) = folder.glob("vgg16-*.pth")
        self._load(torch.load(file, map_location="cpu", weights_only=True))

    @classmethod
    def of_state(cls, state: dict[str, Tensor]) -> "LpipsDistance":
        """With VGG-16's weights at hand; names as in torchvision, those of ``features`` suffice."""
        made = cls.__new__(cls)
        made._load(state)
        return made

    def _load(self, state: dict[str, Tensor]) -> None:
        declare_missing_operators()
        try:
            import lpips
        except ImportError as error:
            raise MissingDependency(
                f"LPIPS needs the package lpips ({error}): pip install '.[perceptual]'."
            ) from error
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls torchvision by an old name
            # Its own layer weights, and no backbone, for which it would reach for the network.
            net = lpips.LPIPS(net="vgg", pretrained=True, pnet_rand=True, verbose=False)
        self._net = net.eval().requires_grad_(False)
        named = {}
        for number, (first, last) in enumerate(_LAYERS, start=1):
            for layer in range(first, last):
                for part in ("weight", "bias"):
                    if (key := f"features.{layer}.{part}") in state:
                        named[f"slice{number}.{layer}.{part}"] = state[key]
        self._net.net.load_state_dict(named)

    @torch.inference_mode()
    def __call__(self, a: U8, b: U8) -> F32:
        """(n,) distances between corresponding crops, (n, s, s, 3) uint8 RGB each."""
        return np.asarray(self._net(to_tensor(a), to_tensor(b)).flatten().numpy(), np.float32)
