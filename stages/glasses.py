"""Whether a face wears glasses, from the bridge that crosses the nose: no network is needed.

Between the eyes a bare nose is smooth from top to bottom; a frame's bridge crosses it as a
horizontal edge. Glasses go with age in a generator's samples, and an age direction that is not
told of them puts them on.
"""

import cv2
import numpy as np

from stages.artifacts import F32, U8

INNER_EYES = (133, 362)
OUTER_EYES = (33, 263)
BRIDGE = (168, 197)
"""Mesh points on the ridge of the nose: between the eyes, and below them."""
MARGIN = 0.1
"""The strip's distance from the inner corners of the eyes, over that of the outer corners."""
FEWEST = 4
"""Rows and columns that the strip must have; a nose in profile has none."""


def glasses_edge(crop: U8, landmarks: F32) -> float:
    """Log of the strongest horizontal edge across the bridge of the nose.

    On the 80 oldest of 400 samples, opened and sorted by it: all 17 above 3.2 wear glasses, and
    of the 52 below 2.3 one does (thin rims).

    Args:
        crop: (s, s, 3) uint8 RGB, upright face, s about 256.
        landmarks: (468, 2) mesh in its pixels.

    Returns:
        log(1 + |dL*/dy|) over two pixels, on OpenCV's 8-bit L*; nan where no strip is seen.
    """
    eyes = float(np.linalg.norm(landmarks[OUTER_EYES[0]] - landmarks[OUTER_EYES[1]]))
    left = int(landmarks[INNER_EYES[0], 0] + MARGIN * eyes)
    right = int(landmarks[INNER_EYES[1], 0] - MARGIN * eyes) + 1
    top = int(landmarks[BRIDGE[0], 1] - MARGIN / 2 * eyes)
    bottom = int(landmarks[BRIDGE[1], 1])
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB)[..., 0].astype(np.float32)
    light = cv2.GaussianBlur(lab, (0, 0), 1)
    strip = (light[2:] - light[:-2])[max(top - 1, 0) : max(bottom, 0), max(left, 0) : max(right, 0)]
    if min(strip.shape) < FEWEST:
        return float("nan")
    return float(np.log1p(np.abs(strip.mean(axis=1)).max()))
