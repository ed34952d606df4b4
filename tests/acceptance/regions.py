"""Where the edit may act: the product's mask and head hull, frame by frame."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.artifact import load
from stages.artifacts import Alignment
from stages.metrics.psnr import plane_masks
from stages.outline import head_hull, mask_hull


@dataclass(frozen=True)
class Region:
    """``mask``: (h, w) alpha above 0, upright pixels. ``hull``: (h, w) the head hull."""

    mask: np.ndarray
    hull: np.ndarray


def product_regions(work: Path, shape: tuple[int, int], frames: int) -> list[Region] | None:
    """Head hulls recomputed from the run's own alignment; None where a store holds none or several.

    The product's alpha is above 0 nowhere but inside its mask's hull, grown by what resampling and
    chroma subsampling reach: three pixels.
    """
    import cv2

    records = [json.loads(p.read_text()) | {"at": p} for p in work.glob("artifacts/*/*/done.json")]
    found = [r for r in records if r["artifact"] == "stages.artifacts.Alignment"]
    if len(found) != 1:
        return None
    alignment = load(Alignment, found[0]["at"].parent)
    regions = []
    for frame in range(frames):
        hull, mask = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        for row in np.flatnonzero((alignment.frame == frame) & (alignment.weight > 0)):
            outline = alignment.outline[row]
            cv2.fillPoly(hull, [np.rint(head_hull(outline)).astype(np.int32)], 1)
            cv2.fillPoly(mask, [np.rint(mask_hull(outline)).astype(np.int32)], 1)
        mask = cv2.dilate(mask, np.ones((7, 7), np.uint8))
        regions.append(Region(mask.astype(bool), hull.astype(bool)))
    return regions


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
