"""The colour of a face's skin: CIELAB of the cheeks, where mesh landmarks say they are.

Complexion goes with apparent age in a generator's samples, and would be carried along by an age
direction that is not told of it. CIELAB (CIE 1976, D65) keeps lightness apart from redness (a*)
and yellowness (b*), and its units are about equally visible; skin types are usually told apart by
L* and b* (the individual typology angle), blush and sunburn by a*.
"""

import cv2
import numpy as np

from stages.artifacts import F32, U8, Bool

CHEEKS = (
    (117, 118, 101, 36, 205, 187, 123),
    (346, 347, 330, 266, 425, 411, 352),
)
"""Mesh polygons below the eyes, beside the nose and above the mouth's corners, one to a side."""
FEWEST = 16
"""Pixels that must be seen; a cheek in profile has none."""


def cheeks(landmarks: F32, size: int) -> Bool:
    """(size, size) True on both cheeks. ``landmarks``: (468, 2) in pixels of the picture."""
    mask = np.zeros((size, size), np.uint8)
    for polygon in CHEEKS:
        cv2.fillConvexPoly(mask, np.rint(landmarks[list(polygon)]).astype(np.int32), 1)
    return mask.astype(bool)


def skin_lab(crop: U8, landmarks: F32) -> tuple[float, float, float]:
    """Median L* in [0, 100], a* and b* of the cheeks; nan where they are not seen.

    Args:
        crop: (s, s, 3) uint8 sRGB.
        landmarks: (468, 2) mesh in its pixels.

    The median, so that a strand of hair, a beard's edge or a highlight counts for little.
    """
    seen = crop[cheeks(landmarks, crop.shape[0])]
    if len(seen) < FEWEST:
        return (np.nan, np.nan, np.nan)
    lab = cv2.cvtColor((seen[None] / np.float32(255)).astype(np.float32), cv2.COLOR_RGB2LAB)[0]
    light, red, yellow = (float(value) for value in np.median(lab, axis=0))
    return (light, red, yellow)
