"""How far an edit of this very face may go (CRG, paper section 4: "the ranges of k").

The paper projects the face's code on the direction and takes the distances to mu - 3 sigma and
mu + 3 sigma of the generator's faces there: beyond them there are hardly any faces, and other
things change along with the one that is edited. A direction file says what mu and sigma are.
"""

from dataclasses import dataclass

import numpy as np

from stages.artifacts import F32
from stages.direction_file import DirectionHeader

REACH = 3.0
"""Sigmas on either side of mu."""


@dataclass(frozen=True)
class SafeRange:
    """Strengths in sigmas between which every frame of a face stays among the generator's faces.

    ``at``: where the face is by itself, in sigmas from mu (mean over its frames). A face may lie
    beyond one end already: then no strength is safe on that side, and ``low`` or ``high`` is 0.
    """

    at: float
    low: float
    high: float

    def clamp(self, strength: float) -> float:
        """The nearest strength that is safe."""
        return min(max(strength, self.low), self.high)

    def holds(self, strength: float) -> bool:
        """Whether a strength is safe."""
        return self.low <= strength <= self.high


def safe_range(header: DirectionHeader, vector: F32, codes: F32) -> SafeRange:
    """The range for a face.

    Args:
        header: of the direction.
        vector: (style_dim,) its unit vector.
        codes: (n, rows, style_dim) of all its frames.

    A direction acts on some rows only, so the face is placed by their mean. Where negative
    strengths have a vector of their own, the face is taken to lie as many sigmas from mu along it
    as along the other.
    """
    w = codes[:, list(header.rows)].astype(np.float64).mean(axis=1)
    at = (w @ vector.astype(np.float64) - header.mean) / header.sigma
    high = float(np.clip(REACH - at.max(), 0, None))
    low = float(np.clip(-REACH - at.min(), None, 0))
    return SafeRange(float(at.mean()), low, high)
