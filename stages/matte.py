"""Where an edit may show: on the person as edited, and on what becomes visible behind.

A generator that edits a face changes its own background along with it, and pasted back that is a
glow about the head. So what is shown is, with P the person before the edit and Q after it, each
in [0, 1],

    output = Q edited + (1 - Q) (G plate + (1 - G) source),   G = ramp(P - Q)

with the plate the source's own background, carried in from beside the head to where the edit takes
the old outline away. Where neither is, and where nothing is edited, the source stays as it is; so
do clothes beside the jaw, which are the person's to a matte, and which a generator draws anew.

Mattes are coarser than a crop, so Q and G are grown a little: an edit reaches the last of the hair,
and where a jaw was no line of it stays.
"""

from collections.abc import Callable

import cv2
import numpy as np

from stages.artifacts import F32

Segmentation = Callable[[F32], F32]
"""(s, s, 3) float32 RGB in [0, 255] to (h, h) in [0, 1]: how far each pixel is a person's."""

SIZE = 256
"""Side at which mattes are grown and plates made: neither has finer detail."""
SOFT = 1 / 170
"""Sigma of a matte's edge, as a share of the crop."""
CLEAR = 1 / 50
"""How far from the person a plate begins: beyond strands, and what an encoder smeared."""
REACHES = (1 / 4, 1 / 16, 1 / 64)
"""Sigmas of the Gaussians that carry the background in, as shares of the crop, coarse to fine."""
GONE = (0.2, 0.6)
"""P - Q from which somebody begins to be gone, and at which they are; less is the mattes' noise."""
EARS = 0.6
"""From forehead to chin, where ears end. Hair beside the face may go from there up; further down
only what was the face's own."""
_ENOUGH = 0.05
"""Weight of background in a Gaussian from which its colour counts."""


def mattes(segmentation: Segmentation, source: F32, edited: F32) -> F32:
    """(SIZE, SIZE, 2): P and Q of a crop and what it is edited to, both (s, s, 3) in [0, 255]."""
    return sized(np.stack([segmentation(source), segmentation(edited)], axis=2), SIZE)


def kept_behind(change: F32, source: F32, both: F32, core: F32) -> F32:
    """The change (s, s, 3) to show, of one that may also touch what is behind the person.

    Args:
        change: what is to be added to the source.
        source: (s, s, 3), the frame's own crop.
        both: (SIZE, SIZE, 2) P and Q, as ``mattes`` gives them, perhaps averaged over time.
        core: (s, s) alpha of the face itself, which is shown whatever the mattes say.
    """
    was, now = (np.ascontiguousarray(x) for x in np.moveaxis(both, 2, 0))
    size = len(source)
    shown = np.maximum(sized(_soft(_grown(now, SOFT)), size), core)[..., None]
    kept = shown * change
    gone = np.clip((was - now - GONE[0]) / (GONE[1] - GONE[0]), 0, 1)
    gone *= _heads(sized(core, SIZE))
    if gone.any():
        bared = sized(_soft(_grown(gone, CLEAR)), size)[..., None]
        wall = sized(plate(sized(source, SIZE), 1 - _grown(was, CLEAR)), size)
        kept += (1 - shown) * bared * (wall - source)
    return np.asarray(kept, np.float32)


def plate(source: F32, background: F32) -> F32:
    """(s, s, 3): the source where it is background, elsewhere the colours about it, near first.

    Args:
        source: (s, s, 3).
        background: (s, s) in [0, 1].
    """
    weight = background[..., None]
    filled = np.asarray(source.mean(axis=(0, 1), keepdims=True), np.float32)
    for reach in REACHES:
        sigma = reach * len(source)
        colour, amount = _blurred(source * weight, sigma), _blurred(background, sigma)[..., None]
        filled = (colour + _ENOUGH * filled) / (amount + _ENOUGH)
    return np.asarray(weight * source + (1 - weight) * filled, np.float32)


def _heads(core: F32) -> F32:
    """(SIZE, SIZE) in [0, 1]: where a person may be gone, by the face's alpha."""
    rows = np.flatnonzero(core.max(axis=1) > 0)
    if not len(rows):
        return np.ones_like(core)
    ears = rows[0] + EARS * (rows[-1] - rows[0])
    above = np.clip((ears - np.arange(len(core))) / (SOFT * len(core)), 0, 1)
    own = _grown((core > 0).astype(np.float32), SOFT)
    return np.asarray(np.maximum(own, above[:, None]), np.float32)


def _blurred(picture: F32, sigma: float) -> F32:
    """A Gaussian of any width, at a size at which it is a few pixels."""
    by = max(1, int(sigma / 3))
    small = tuple(max(1, side // by) for side in picture.shape[1::-1])
    shrunk = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
    soft = cv2.GaussianBlur(shrunk, (0, 0), sigma / by)
    whole = picture.shape[1::-1]
    return np.asarray(cv2.resize(soft, whole, interpolation=cv2.INTER_LINEAR), np.float32)


def sized(picture: F32, side: int) -> F32:
    """Shrunk by averages, or grown linearly."""
    if len(picture) == side:
        return picture
    how = cv2.INTER_AREA if len(picture) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (side, side), interpolation=how), np.float32)


def _grown(matte: F32, by: float) -> F32:
    reached = 2 * max(1, round(by * len(matte))) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reached, reached))
    return np.asarray(cv2.dilate(matte, kernel), np.float32)


def _soft(matte: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(matte, (0, 0), SOFT * len(matte)), np.float32)
