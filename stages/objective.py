"""What joint inversion minimises: fidelity of each frame, agreement across frames, and a prior.

Convention. Images are (n, 3, s, s) in [-1, 1]; codes (n, rows, style_dim). Flow of a pair is in
pixels of its own grid, as in ``stages.artifacts.Flow``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn import functional as F

from stages.coupling import Consistency
from stages.inversion_artifacts import Flow
from stages.networks.perceptual import Perceptual


class Weights(BaseModel):
    """Of the terms of the objective."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    pixel: float = Field(default=1.0, ge=0)
    """Mean squared error, paper 003's L_C (eq. 9)."""
    perceptual: float = Field(default=0.25, ge=0)
    """Feature distance, paper 003's L_P (eq. 10), at ``perceptual_size``."""
    consistency: float = Field(default=2.0, ge=0)
    """Flow-warped difference between reconstructed neighbours, under the occlusion mask."""
    spread: float = Field(default=2e-3, ge=0)
    """Squared distance of the rows of W+ from their own mean: the generator knows W, not W+."""
    step: float = Field(default=2e-3, ge=0)
    """Squared length of the steps between neighbouring frames."""


@dataclass(frozen=True)
class Pairs:
    """Pairs of frames of a window: where each pixel of one lies in the other.

    ``forward``, ``backward``: (k, s, s, 2) sampling grids for ``grid_sample``; ``visible``,
    ``visible_back``: (k, 1, s, s) in {0, 1}. ``here``, ``there``: the two frames of each pair.
    """

    forward: Tensor
    backward: Tensor
    visible: Tensor
    visible_back: Tensor
    here: tuple[int, ...]
    there: tuple[int, ...]

    @staticmethod
    def of(flow: Flow, first: int, count: int, device: str) -> "Pairs":
        """Neighbours among ``count`` frames from ``first``."""
        part = slice(first, first + max(count - 1, 0))
        return Pairs.between(flow, part, range(count - 1), range(1, count), device)

    @staticmethod
    def between(
        flow: Flow, part: slice, here: Iterable[int], there: Iterable[int], device: str
    ) -> "Pairs":
        """That part of the flow, said to lead from the frames ``here`` to the frames ``there``."""

        def mask(values: object) -> Tensor:
            return torch.as_tensor(values, dtype=torch.float32, device=device)[:, None]

        return Pairs(
            forward=sampling_grid(torch.tensor(flow.forward[part], device=device).float()),
            backward=sampling_grid(torch.tensor(flow.backward[part], device=device).float()),
            visible=mask(flow.visible[part].copy()),
            visible_back=mask(flow.visible_back[part].copy()),
            here=tuple(here),
            there=tuple(there),
        )


def sampling_grid(flow: Tensor) -> Tensor:
    """Flow (n, s, s, 2) in pixels to the normalised positions p + flow(p), corners not aligned."""
    size = flow.shape[1]
    centre = torch.arange(size, dtype=flow.dtype, device=flow.device) + 0.5
    y, x = torch.meshgrid(centre, centre, indexing="ij")
    return (torch.stack((x, y), dim=-1) + flow) * (2 / size) - 1


def cross_frame_consistency(images: Tensor, pairs: Pairs) -> Tensor:
    """How far reconstructed frames differ along the source's own motion.

    ``mean of M * (G_i(p) - G_j(p + F(p)))^2`` over both directions of every pair.
    Paper 003's published consistency term warps a frame and its own target with the same flow, so
    it compares no two frames; this one does (Lai et al. 2018, eq. 9, with flow of the source).
    """
    small = resized(images, pairs.visible.shape[-1])
    here, there = small[list(pairs.here)], small[list(pairs.there)]
    error = pairs.visible * (here - _sample(there, pairs.forward)).square()
    back = pairs.visible_back * (there - _sample(here, pairs.backward)).square()
    count = 3 * (pairs.visible.sum() + pairs.visible_back.sum())
    return (error.sum() + back.sum()) / count.clamp(min=1)


def literal_consistency(images: Tensor, targets: Tensor, pairs: Pairs) -> Tensor:
    """Paper 003's term as printed: frames and their own targets, warped by the same flow.

    Eq. 8, ``d(warp(I_b, F), warp(G_b, F)) + d(warp(I_i, B), warp(G_i, B))`` with ``d`` the mean
    squared error and no mask. The sum over all b counts every pair from both its ends, which are
    the same two terms; here they are averaged, as ours are, so equal weights mean equal scale (the
    published code's sum of the two at weight 1 is this at weight 2).
    """
    error = resized(images - targets, pairs.visible.shape[-1])
    # Warping is linear, so the difference of two warped pictures is the difference, warped.
    there = _sample(error[list(pairs.there)], pairs.forward).square().mean()
    return (there + _sample(error[list(pairs.here)], pairs.backward).square().mean()) / 2


def resized(images: Tensor, size: int) -> Tensor:
    """Images (n, 3, s, s) averaged over areas to (n, 3, size, size)."""
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, (size, size), mode="area")


def _sample(images: Tensor, grid: Tensor) -> Tensor:
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


class Objective:
    """The objective for one window; features of the targets are computed once.

    In three parts, because frames are rendered apart: ``of_frames`` needs only its own,
    ``across_frames`` all images, ``of_codes`` no image.
    """

    def __init__(
        self,
        targets: Tensor,
        perceptual: Perceptual,
        pairs: Pairs | None,
        weights: Weights,
        perceptual_size: int,
        consistency: Consistency = "cross_frame",
    ) -> None:
        self.targets = targets
        self.consistency = consistency
        self.pairs = pairs
        self.weights = weights
        self.perceptual = perceptual
        self.size = perceptual_size
        with torch.no_grad():
            self.features = perceptual.features(resized(targets, perceptual_size))

    def of_frames(self, images: Tensor, frames: Sequence[int]) -> Tensor:
        """Fidelity of renders (k, 3, s, s) of these frames of the window, summed over them."""
        w = self.weights
        rows = list(frames)
        loss = w.pixel * (images - self.targets[rows]).square().mean(dim=(1, 2, 3))
        if w.perceptual:
            wanted = [level[rows] for level in self.features]
            features = self.perceptual.features(resized(images, self.size))
            loss = loss + w.perceptual * self.perceptual.distance(features, wanted)
        return loss.sum()

    def across_frames(self, images: Tensor) -> Tensor | None:
        """Consistency of all renders (n, 3, s, s) of the window; None where it has no say."""
        weight = self.weights.consistency
        if not weight or self.consistency == "none" or self.pairs is None or len(images) < 2:
            return None
        if self.consistency == "literal":
            return weight * literal_consistency(images, self.targets, self.pairs)
        if self.consistency == "residual":
            # Where light or an expression changes along the flow, reconstructions have to differ as
            # the source does; what they miss of it has not.
            return weight * cross_frame_consistency(images - self.targets, self.pairs)
        return weight * cross_frame_consistency(images, self.pairs)

    def of_codes(self, codes: Tensor, free: Tensor) -> Tensor:
        """The prior, a scalar.

        Args:
            codes: (n, free rows, style_dim).
            free: (n,) 1 for frames that are being solved, 0 for fixed ones.
        """
        w = self.weights
        spread = (codes - codes.mean(dim=1, keepdim=True)).square().mean(dim=(1, 2))
        loss = w.spread * (free / free.sum() * spread).sum()
        if len(codes) > 1:
            loss = loss + w.step * codes.diff(dim=0).square().mean()
        return loss
