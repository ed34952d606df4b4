"""Smoothing over time by seconds, so that it means the same at any and at a variable frame rate.

Each sample becomes the value at its own time of a straight line fitted to its neighbours under
Gaussian weights (local linear regression). Unlike a plain Gaussian mean it neither lags nor bends
towards the middle at the ends of a track, or where frames are unevenly spaced.
"""

import numpy as np

from stages.artifacts import F64

_REACH = 3.0  # the kernel is cut off at this many sigmas


def smooth(times: F64, values: F64, sigma: float) -> F64:
    """Smoothed copy of ``values``.

    Args:
        times: (n,) seconds, increasing.
        values: (n, ...) one sample per time.
        sigma: of the Gaussian weights, in seconds; 0 changes nothing.
    """
    if sigma <= 0 or len(times) < 2:
        return values.astype(np.float64)
    flat = values.reshape(len(times), -1).astype(np.float64)
    result = np.empty_like(flat)
    first = np.searchsorted(times, times - _REACH * sigma, side="left")
    last = np.searchsorted(times, times + _REACH * sigma, side="right")
    for i, (a, b) in enumerate(zip(first, last, strict=True)):
        offset = times[a:b] - times[i]
        weight = np.exp(-0.5 * (offset / sigma) ** 2)
        weight /= weight.sum()
        mean = weight @ offset
        spread = weight @ (offset - mean) ** 2
        # Weights of the line's value at offset 0; a lone sample has no slope.
        line = weight * (1 - (offset - mean) * mean / spread) if spread > 1e-12 else weight
        result[i] = line @ flat[a:b]
    return result.reshape(values.shape)
