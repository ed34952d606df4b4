"""Additive noise maps of the generator's layers as something to solve for.

The noise space N of Image2StyleGAN++ (Abdal et al. 2020) and of paper 003's "++": it takes up what
codes cannot say, reconstructs best, and stays where it is when a code is edited ("ghosting").

Convention. A map is (n, 1, s, s): an offset of a layer's own fixed noise, shared by all channels.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from stages.artifacts import F32
from stages.networks.mobile_stylegan import GeneratorShape


def noise_sizes(shape: GeneratorShape, features: int) -> list[int]:
    """Sides of the maps of all layers up to the features of that size, in order."""
    sizes = [4]
    for i in range(shape.blocks):
        if 8 * 2**i <= features:
            sizes += [8 * 2**i] * 2
    return sizes


class NoiseMaps:
    """Maps of ``count`` frames, zero at first; none where ``sizes`` is empty."""

    def __init__(self, sizes: Sequence[int], count: int, device: str) -> None:
        self.maps = [
            torch.zeros(count, 1, side, side, device=device, requires_grad=True) for side in sizes
        ]

    def leaves(self, frames: Sequence[int]) -> list[Tensor]:
        """Of these frames, cut off from the rest, to be given a gradient of their own."""
        return [each[list(frames)].detach().requires_grad_(True) for each in self.maps]

    def take(self, frames: Sequence[int], grads: Sequence[Sequence[Tensor]]) -> None:
        """Set the gradients of these frames: of each part of them, of each map."""
        for each, parts in zip(self.maps, zip(*grads, strict=True), strict=True):
            each.grad = torch.zeros_like(each)
            each.grad[list(frames)] = torch.cat(parts)

    def arrays(self) -> tuple[F32, ...]:
        """The maps of all frames as they are now."""
        return tuple(np.asarray(each.detach().cpu().numpy(), np.float32) for each in self.maps)
