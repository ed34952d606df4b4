"""Peak signal-to-noise ratio, over whole pictures, inside a mask, and over subsampled planes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
Picture = NDArray[Any]


def psnr(a: Picture, b: Picture, mask: Bool | None = None, peak: float = 255.0) -> float:
    """PSNR in dB; infinite when both agree.

    Args:
        a: any shape, any number type.
        b: same shape.
        mask: where to compare; its shape is the leading part of ``a``'s (so that an (h, w) mask
            serves an (h, w, 3) picture). None compares everything.
        peak: the largest value a sample can take.

    Raises:
        ValueError: the shapes differ, or the mask is empty.
    """
    return from_error(*squared_error(a, b, mask), peak)


def planes_psnr(
    a: Sequence[Picture],
    b: Sequence[Picture],
    masks: Sequence[Bool] | None = None,
    peak: float = 255.0,
) -> float:
    """PSNR in dB over all samples of all planes together, as the encoder gets them.

    Args:
        a: planes, (h, w) each; chroma may be subsampled.
        b: planes of the same shapes.
        masks: one per plane, see ``plane_masks``.
        peak: the largest value a sample can take: 255 at 8 bits, 1023 at 10.

    Raises:
        ValueError: numbers of planes or shapes differ, or no sample is selected.
    """
    chosen: Sequence[Bool | None] = masks if masks is not None else [None] * len(a)
    total, count = 0.0, 0
    for x, y, mask in zip(a, b, chosen, strict=True):
        if mask is not None and not mask.any():
            continue
        error, n = squared_error(x, y, mask)
        total, count = total + error, count + n
    return from_error(total, count, peak)


def plane_masks(mask: Bool, planes: Sequence[Picture]) -> list[Bool]:
    """For each plane, the samples no pixel of which lies outside ``mask``.

    A subsampled sample belongs to several pixels; it is selected when all of them are.

    Args:
        mask: (h, w), in luma pixels.
        planes: the first one (h, w), others of h or ceil(h/2) and w or ceil(w/2).

    Raises:
        ValueError: the mask does not fit the first plane.
    """
    if mask.shape != planes[0].shape:
        raise ValueError(f"a mask of {mask.shape} does not fit a luma plane {planes[0].shape}")
    result = []
    for plane in planes:
        reduced = mask
        for axis in (0, 1):
            if plane.shape[axis] == mask.shape[axis]:
                continue
            starts = np.arange(0, mask.shape[axis], 2)
            reduced = np.logical_and.reduceat(reduced, starts, axis=axis)
        result.append(reduced)
    return result


def squared_error(a: Picture, b: Picture, mask: Bool | None = None) -> tuple[float, int]:
    """(sum of squared differences, number of samples); see ``psnr`` for the arguments."""
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
    if mask is not None:
        if mask.shape != a.shape[: mask.ndim]:
            raise ValueError(f"a mask of {mask.shape} does not fit {a.shape}")
        a, b = a[mask], b[mask]
    difference = a.astype(np.float64) - b.astype(np.float64)
    return float(np.sum(difference * difference)), int(difference.size)


def from_error(total: float, count: int, peak: float = 255.0) -> float:
    """PSNR of a sum of squared errors over ``count`` samples.

    Raises:
        ValueError: nothing was compared.
    """
    if count == 0:
        raise ValueError("nothing to compare: the mask selects no sample")
    if total == 0:
        return float("inf")
    return float(10 * np.log10(peak * peak * count / total))
