"""Batches for the encoder: which faces, in which order, and how they are roughened."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from stages.artifacts import U8
from stages.encoder_bank import EncoderBank


class Faces:
    """All shards of a bank as one list."""

    def __init__(self, banks: Sequence[EncoderBank]) -> None:
        self.banks = banks
        self.places = [(b, i) for b, bank in enumerate(banks) for i in range(len(bank.images))]

    def __len__(self) -> int:
        return len(self.places)

    def order(self, start: int, count: int, seed: int) -> list[int]:
        """Faces ``start`` to ``start + count`` of an endless list of shuffles of all of them."""
        n, found = len(self), []
        for epoch in range(start // n, (start + count - 1) // n + 1):
            random = np.random.default_rng((seed, epoch))
            found.extend(random.permutation(n).tolist())
        first = start - start // n * n
        return found[first : first + count]

    def images(self, indices: Sequence[int]) -> Tensor:
        """(n, 3, s, s) in [-1, 1]."""
        places = [self.places[i] for i in indices]
        return to_images(np.stack([self.banks[b].images[i] for b, i in places]))

    def codes(self, indices: Sequence[int]) -> Tensor:
        """(n, free rows, style_dim)."""
        places = [self.places[i] for i in indices]
        return torch.from_numpy(np.stack([self.banks[b].codes[i] for b, i in places]))


def to_images(pixels: U8) -> Tensor:
    """(n, s, s, 3) uint8 to (n, 3, s, s) in [-1, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1


def roughen(images: Tensor, random: torch.Generator) -> Tensor:
    """Blur, noise, light and covered patches, each on some of (n, 3, s, s) images.

    A video's faces are softer and noisier than the generator's. None of this changes the face that
    is asked for; shifts and turns would, because the code holds the framing.
    """
    n, _, s, _ = images.shape

    def chosen(share: float) -> Tensor:
        return (torch.rand(n, 1, 1, 1, generator=random) < share).float()

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=random)

    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    images = torch.lerp(images, soft, chosen(0.4) * uniform(0, 1, 1, 1, 1))
    gain, lift = uniform(0.93, 1.07, 3, 1, 1), uniform(-0.05, 0.05, 3, 1, 1)
    images = torch.lerp(images, images * gain + lift, chosen(0.5))
    noise = torch.randn(images.shape, generator=random)
    images = images + chosen(0.4) * uniform(0, 0.08, 1, 1, 1) * noise
    # One covered patch, of a flat colour.
    y, x = (uniform(0, s, 1, 1, 1) for _ in "yx")
    half = uniform(0.03, 0.15, 1, 1, 1) * s
    grid = torch.arange(s).float()
    inside = ((grid.view(1, 1, s, 1) - y).abs() < half) & ((grid - x).abs() < half)
    covered = inside.float() * chosen(0.15)
    return torch.lerp(images, uniform(-1, 1, 3, 1, 1).expand_as(images), covered)


def alter(images: Tensor, random: torch.Generator) -> Tensor:
    """Turn (n, 3, s, s) faces into ones that no code of W shows: mirror, move, light and colour.

    A photograph is none of the generator's faces. Such a picture is not either, and can only be
    reconstructed, with rows of W+ that differ; its code is unknown.
    """
    n = len(images)

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.empty(n, *shape).uniform_(low, high, generator=random)

    turn, grow, move = uniform(-0.1, 0.1), uniform(0.93, 1.07), uniform(-0.06, 0.06, 2, 1)
    mirror = torch.where(torch.rand(n, generator=random) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(turn) * grow, torch.sin(turn) * grow
    matrix = torch.stack((cos * mirror, -sin, sin * mirror, cos), dim=1).view(n, 2, 2)
    grid = F.affine_grid(torch.cat((matrix, move), dim=2), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    gain = uniform(0.75, 1.3, 1, 1, 1) * uniform(0.9, 1.1, 3, 1, 1)
    lift = uniform(-0.2, 0.2, 1, 1, 1) + uniform(-0.08, 0.08, 3, 1, 1)
    return (moved * gain + lift).clamp(-1, 1)
