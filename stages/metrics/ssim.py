"""Structural similarity (Wang et al. 2004), as a map, to be averaged over any region."""

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

WINDOW = 11
"""Pixels across the Gaussian window (sigma 1.5, cut off at 3.5 sigma)."""


def ssim_map(a: U8, b: U8) -> F32:
    """(h, w) SSIM of the luma (BT.601) about each pixel, at most 1.

    With the paper's own settings: Gaussian window of sigma 1.5, K1 = 0.01, K2 = 0.03, population
    covariances. The paper averages the map over the picture.

    Args:
        a: (h, w, 3) RGB, h and w of 11 or more.
        b: same shape.

    Raises:
        ValueError: the shapes differ or are too small.
    """
    if a.shape != b.shape:
        raise ValueError(f"shapes differ: {a.shape} and {b.shape}")
    if min(a.shape[:2]) < WINDOW:
        raise ValueError(f"SSIM needs {WINDOW} pixels each way, got {a.shape[1]}x{a.shape[0]}")
    grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY).astype(np.float32) for x in (a, b)]
    found = structural_similarity(  # type: ignore[no-untyped-call]
        *grey,
        data_range=255.0,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        full=True,
    )
    return np.asarray(found[1], np.float32)
