"""Where the edit may act: the product's mask and head hull, frame by frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.metrics.psnr import plane_masks


@dataclass(frozen=True)
class Region:
    """``mask``: (h, w) alpha above 0, upright pixels. ``hull``: (h, w) the head hull."""

    mask: np.ndarray
    hull: np.ndarray


def product_regions(work: Path, shape: tuple[int, int], frames: int) -> list[Region] | None:
    """Recomputed from the run's own alignment; None as long as the product does not tell."""
    return None


def changed_regions(differences: Sequence[np.ndarray]) -> list[Region]:
    """Without the product's word: what a lossless run changed counts as mask, its hull as head."""
    import cv2

    regions = []
    for changed in differences:
        grid = np.zeros(changed.shape, np.uint8)
        points = cv2.findNonZero(changed.astype(np.uint8))
        if points is not None:
            cv2.fillConvexPoly(grid, cv2.convexHull(points), 1)
        regions.append(Region(changed, grid.astype(bool)))
    return regions


def changed_pixels(before: Sequence[np.ndarray], after: Sequence[np.ndarray]) -> np.ndarray:
    """(h, w) luma pixels of which any sample, in any plane, differs."""
    height, width = before[0].shape
    changed = np.zeros((height, width), bool)
    for a, b in zip(before, after, strict=True):
        different = a != b
        for axis in (0, 1):
            if different.shape[axis] != changed.shape[axis]:
                different = np.repeat(different, 2, axis=axis)
        changed |= different[:height, :width]
    return changed


def differing_outside(
    mask: np.ndarray, before: Sequence[np.ndarray], after: Sequence[np.ndarray]
) -> int:
    """Samples that differ although all their pixels lie outside the mask."""
    outside = plane_masks(~mask, before)
    return sum(
        int(np.count_nonzero((a != b)[where]))
        for a, b, where in zip(before, after, outside, strict=True)
    )
