"""The face's outline, the head around it, and the soft mask in which the product may change pixels.

Convention. An outline is (36, 2): point 0 is the top of the forehead, 18 the tip of the chin, and
the points in between follow the picture clockwise (first down its right side). Pixels of the
upright picture, centres at half-integers.
"""

from collections.abc import Callable

import cv2
import numpy as np

from stages.artifacts import F32, F64
from stages.quad import apply_affine, eyes_and_mouth, rot90

POINTS = 36
_CHIN = 18
_MESH_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)

UP = 1.75
"""Above the face's middle the head reaches this many times as far as the forehead: hair."""
SIDE = 1.28
"""To each side: ears and hair, or the far cheek of a turned head."""
DOWN = 1.1
"""Below the middle: the jaw's soft edge and a little of the neck's shadow."""
_MASK = (1.85, 1.5, 1.4)
"""UP, SIDE and DOWN of the mask, 1.3 times the head's area: it reaches beyond the source's jaw, or
an edit that narrows the face would leave the old jaw there as a ghost."""

_GRID = 128  # cells across on which distances are computed exactly; between them they are linear
_FOREHEAD = 0.5  # brow to hairline over eyes to mouth: the mesh's median on 28 photographs


def face_outline(landmarks: F32) -> F32:
    """(..., 36, 2) outline of each face. ``landmarks``: mesh (..., 468, 2) or ibug (..., 68, 2)."""
    if landmarks.shape[-2] != 68:
        return landmarks[..., list(_MESH_OVAL), :]
    return _ibug_outline(landmarks.astype(np.float64)).astype(np.float32)


def _ibug_outline(points: F64) -> F64:
    """The jaw line closed over the forehead by half an ellipse, which ibug's 68 points lack."""
    eye_0, eye_1, mouth = np.moveaxis(eyes_and_mouth(points.astype(np.float32)), -2, 0)
    up = (eye_0 + eye_1) / 2 - mouth
    brow = points[..., 17:27, :].mean(axis=-2)
    right, left = points[..., 16, :], points[..., 0, :]
    middle, half = (right + left) / 2, (right - left) / 2
    # Straight above the middle of the jaw's two ends, as high as the hairline.
    rise = (((brow - middle) * up).sum(-1) / (up**2).sum(-1) + _FOREHEAD)[..., None] * up
    angle = np.arange(1, 19) / 19 * np.pi  # from the right end of the jaw over the top to the left
    arc = (
        middle[..., None, :]
        + np.cos(angle)[:, None] * half[..., None, :]
        + np.sin(angle)[:, None] * rise[..., None, :]
    )
    top = middle + rise
    jaw = points[..., 16::-1, :]
    down = [top[..., None, :], arc[..., 8::-1, :], jaw, arc[..., :8:-1, :]]
    return np.asarray(np.concatenate(down, axis=-2), np.float64)


def head_hull(outline: F32 | F64) -> F64:
    """(..., 36, 2) polygon about the whole head: the outline stretched up, sideways and down.

    The stretch is along the face's own axis, from chin to forehead, about the outline's middle.
    """
    return _stretched(outline, UP, SIDE, DOWN)


def mask_hull(outline: F32 | F64) -> F64:
    """(..., 36, 2) polygon in which pixels may change: the head and what surrounds it."""
    return _stretched(outline, *_MASK)


def _stretched(outline: F32 | F64, up_by: float, side_by: float, down_by: float) -> F64:
    points = outline.astype(np.float64)
    centre = (points[..., 0, :] + points[..., _CHIN, :]) / 2
    up = points[..., 0, :] - points[..., _CHIN, :]
    up = up / np.maximum(np.linalg.norm(up, axis=-1, keepdims=True), 1e-9)
    side = rot90(up)
    offset = points - centre[..., None, :]
    height = (offset * up[..., None, :]).sum(-1, keepdims=True)
    width = (offset * side[..., None, :]).sum(-1, keepdims=True)
    height = height * np.where(height > 0, up_by, down_by)
    hull = centre[..., None, :] + height * up[..., None, :] + width * side_by * side[..., None, :]
    return np.asarray(hull, np.float64)


def soft_mask(
    outline: F32 | F64,
    affine: F64,
    size: int,
    feather: float = 0.12,
    hull_of: Callable[[F32 | F64], F64] = head_hull,
) -> F32:
    """(size, size) alpha in a crop: 0 outside the hull of the head, 1 well inside it.

    Alpha rises with the smoothstep of the distance to the hull's edge, inwards only, so that its
    support is the hull and never more.

    Args:
        outline: (36, 2) in pixels of the upright picture.
        affine: (2, 3) from there to crop pixels, 0..size (``quad.quad_to_square``).
        feather: width of the rise, in face heights (forehead to chin).
        hull_of: the outline's hull, ``head_hull`` or ``mask_hull``.
    """
    hull = apply_affine(affine, hull_of(outline))
    ends = apply_affine(affine, np.asarray(outline, np.float64)[[0, _CHIN]])
    width = max(feather * float(np.linalg.norm(ends[0] - ends[1])), 1e-6)
    cells = min(_GRID, size)
    centres = (np.arange(cells) + 0.5) * (size / cells)
    grid = np.stack(np.meshgrid(centres, centres), axis=-1)
    inside = _distance_inside(hull, grid.reshape(-1, 2)).reshape(cells, cells)
    depth = cv2.resize(inside.astype(np.float32), (size, size), interpolation=cv2.INTER_LINEAR)
    t = np.clip(depth / np.float32(width), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _distance_inside(polygon: F64, points: F64) -> F64:
    """(n,) distance to the polygon's edge, negative outside it."""
    x, y = points.T
    start, end = polygon[:, :, None], np.roll(polygon, -1, axis=0)[:, :, None]
    along = end - start
    length = np.maximum((along**2).sum(axis=1), 1e-12)
    # Arrays are (edges, points) from here on.
    right, down = x - start[:, 0], y - start[:, 1]
    t = np.clip((right * along[:, 0] + down * along[:, 1]) / length, 0, 1)
    nearest = ((right - t * along[:, 0]) ** 2 + (down - t * along[:, 1]) ** 2).min(axis=0)
    # Even-odd rule: count the edges that a ray to the right crosses.
    spans = (start[:, 1] > y) != (end[:, 1] > y)
    rise = np.where(along[:, 1] == 0, 1, along[:, 1])
    crossed = spans & (right < down / rise * along[:, 0])
    inside = crossed.sum(axis=0) % 2 == 1
    return np.asarray(np.where(inside, 1.0, -1.0) * np.sqrt(nearest))
