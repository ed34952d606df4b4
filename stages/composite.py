"""Put an edited crop back: the difference to the source, in the soft mask, at the frame's pixels.

Only the edit is resampled. What is added is ``alpha * (edited crop - source crop)``; samples of
the source under alpha 0 are never touched.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from stages.artifacts import F32, F64, Video
from stages.media.orientation import upright_to_coded
from stages.media.planes import Planes, apply_delta
from stages.outline import mask_hull
from stages.quad import apply_affine, index_affine, square_to_quad


@dataclass(frozen=True)
class Patch:
    """An edit of one face in one frame, in crop pixels.

    ``delta``: (s, s, 3) float32, RGB difference in units of 8-bit RGB, already times alpha.
    """

    quad: F64
    outline: F32
    delta: F32


def paste(planes: Planes, video: Video, patches: list[Patch]) -> Planes:
    """Planes with every patch added, in order."""
    for patch in patches:
        delta, origin = in_frame(patch, video)
        planes = apply_delta(planes, delta, origin, video)
    return planes


def in_frame(patch: Patch, video: Video) -> tuple[F32, tuple[int, int]]:
    """The delta at the frame's own pixels, coded orientation, zero outside the mask.

    Returns:
        (h, w, 3) and the (x, y) of its top-left pixel, inside the frame.
    """
    size = patch.delta.shape[0]
    to_coded = _compose(upright_to_coded(video), square_to_quad(patch.quad, size))
    hull = apply_affine(upright_to_coded(video), mask_hull(patch.outline))
    corners = apply_affine(to_coded, np.array([[0, 0], [0, size], [size, size], [size, 0.0]]))
    low = np.maximum(np.maximum(hull.min(0), corners.min(0)), 0)
    high = np.minimum(np.minimum(hull.max(0), corners.max(0)), [video.width, video.height])
    x0, y0 = np.floor(low).astype(int)
    x1, y1 = np.ceil(high).astype(int)
    if x1 <= x0 or y1 <= y0:
        return np.zeros((0, 0, 3), np.float32), (0, 0)
    scale = float(np.sqrt(abs(np.linalg.det(to_coded[:, :2]))))
    delta = patch.delta
    if scale < 1:
        # Shrinking: average first, so that no detail folds back as flicker.
        sigma = 0.5 * float(np.sqrt(1 / scale**2 - 1)) + 1e-6
        delta = np.asarray(cv2.GaussianBlur(delta, (0, 0), sigma), np.float32)
    moved = to_coded.copy()
    moved[:, 2] -= (x0, y0)
    flat = cv2.warpAffine(
        delta,
        index_affine(moved),
        (int(x1 - x0), int(y1 - y0)),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    inside = np.zeros(flat.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.rint((hull - (x0, y0)) * 16 - 8).astype(np.int32)], 1, shift=4)
    return np.where(inside[..., None] > 0, flat, 0).astype(np.float32), (int(x0), int(y0))


def _compose(outer: F64, inner: F64) -> F64:
    """The (2, 3) map outer(inner(p))."""
    linear = outer[:, :2] @ inner[:, :2]
    return np.concatenate([linear, (apply_affine(outer, inner[:, 2]))[:, None]], axis=1)
