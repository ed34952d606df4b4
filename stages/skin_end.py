"""Where an edit ends on a person: in the source's tone.

A neck is not as light in a render as in the source. Where a strong change ends on it, such as that
of a chin that went up, the step is seen as a second chin. So, as cloning in the gradient domain
does at a seam (Perez et al., Poisson Image Editing, 2003), the step is spread over what is near:

    change -> change - Q m D,   D = G(w change) / (G(w) + e),   w = P Q (1 - alpha) tint(change)

with P and Q the person before and after the edit (``stages.matte``), G a Gaussian, m one at the end
of alpha and none well inside, and tint(x) = exp(-|x|^2 / 2 t^2), which lets out what is another
thing there, such as a collar.
"""

import cv2
import numpy as np

from stages.artifacts import F32
from stages.matte import sized

SIZE = 128
"""Side at which this is made: nothing in it is finer."""
WIDE, NEAR = 1 / 10, 1 / 14
"""Sigmas of the Gaussians of D and m, as shares of the crop."""
TINT = 25.0
"""t, in units of 8 bits."""
ENOUGH = 0.02
"""e: share of skin about a place from which its tone counts."""


def ends_on_skin(change: F32, alpha: F32, people: F32) -> F32:
    """The change (s, s, 3), in units of 8 bits, with the source's tone where alpha ends on skin.

    Args:
        change: as it is to be added to the source.
        alpha: (s, s), how far it is shown.
        people: (h, h, 2) P and Q.
    """
    if not change.any():
        return change
    small, shown, both = (sized(x, SIZE) for x in (change, alpha, people))
    tint = np.exp(-np.square(small).mean(axis=2) / (2 * TINT**2))
    weight = np.asarray(both[..., 0] * both[..., 1] * (1 - shown) * tint, np.float32)
    tone = _blurred(weight[..., None] * small, WIDE) / (_blurred(weight, WIDE) + ENOUGH)[..., None]
    near = np.minimum(1, 2 * _blurred(1 - shown, NEAR)) * both[..., 1]
    step = np.asarray(near[..., None] * tone, np.float32)
    return np.asarray(change - sized(step, len(change)), np.float32)


def _blurred(picture: F32, share: float) -> F32:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), share * len(picture)), np.float32)
