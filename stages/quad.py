"""The FFHQ crop: a rotated square about a face, and the maps between it and the picture.

Formula of FFHQ's alignment (Karras et al. 2019, appendix; the same in STIT): with the eyes'
centre e, the vector between the eyes and the vector from e to the mouth, an axis x along the
face's width and y = rot90(x) down the face, the crop is c -+ x -+ y about c = e + 0.1 (mouth - e).

Convention. A quad is (4, 2): top-left, bottom-left, bottom-right, top-right as the generator sees
the face, in pixels of the upright picture. Pixel centres lie at half-integers in the picture and
in the crop, so the quad's corners are the crop's outer corners (0, 0), (0, s), (s, s), (s, 0).
"""

from typing import NamedTuple

import cv2
import numpy as np

from stages.artifacts import F32, F64, U8

_MESH_EYES = ((33, 133), (362, 263))
_MESH_MOUTH = (61, 291)
_IBUG_EYES = (range(36, 42), range(42, 48))
_IBUG_MOUTH = (48, 54)


class Axes(NamedTuple):
    """Quads taken apart: ``centre`` (..., 2), and ``x`` (..., 2), half the width as a vector."""

    centre: F64
    x: F64


def eyes_and_mouth(landmarks: F32) -> F64:
    """(..., 3, 2): the eye on the picture's left, the other, the middle of the mouth's corners.

    ``landmarks``: (..., 468, 2) mesh or (..., 68, 2) ibug, told apart by their number.
    """
    points = landmarks.astype(np.float64)
    mesh = points.shape[-2] != 68
    eyes, mouth = (_MESH_EYES, _MESH_MOUTH) if mesh else (_IBUG_EYES, _IBUG_MOUTH)
    groups = [*eyes, mouth]
    return np.stack([points[..., list(g), :].mean(axis=-2) for g in groups], axis=-2)


def rot90(v: F64) -> F64:
    """A quarter turn (x, y) -> (-y, x): from "right" to "down" in pixel coordinates."""
    return np.stack([-v[..., 1], v[..., 0]], axis=-1)


def ffhq_axes(landmarks: F32) -> Axes:
    """Centre and half-width of the FFHQ crop of each face, (..., 2) each, before any smoothing."""
    eye_0, eye_1, mouth = np.moveaxis(eyes_and_mouth(landmarks), -2, 0)
    eye = (eye_0 + eye_1) / 2
    across, down = eye_1 - eye_0, mouth - eye
    x = across - rot90(down)
    length = np.maximum(2.0 * _norm(across), 1.8 * _norm(down))
    return Axes(eye + 0.1 * down, x / np.maximum(_norm(x), 1e-9) * length)


def quad_of(axes: Axes) -> F64:
    """(..., 4, 2) corners c-x-y, c-x+y, c+x+y, c+x-y."""
    c, x = axes
    y = rot90(x)
    return np.stack([c - x - y, c - x + y, c + x + y, c + x - y], axis=-2)


def axes_of(quad: F64) -> Axes:
    """The inverse of ``quad_of``."""
    return Axes(quad.mean(axis=-2), (quad[..., 3, :] - quad[..., 0, :]) / 2)


def side_of(quad: F64) -> F64:
    """(...,) edge of the crop in pixels of the picture."""
    return _norm(quad[..., 3, :] - quad[..., 0, :])[..., 0]


def square_to_quad(quad: F64, size: int) -> F64:
    """(2, 3) affine map from crop pixels, 0..size, to pixels of the picture."""
    right = (quad[3] - quad[0]) / size
    down = (quad[1] - quad[0]) / size
    return np.stack([right, down, quad[0]], axis=1)


def quad_to_square(quad: F64, size: int) -> F64:
    """(2, 3) affine map from pixels of the upright picture to crop pixels, 0..size."""
    return np.asarray(cv2.invertAffineTransform(square_to_quad(quad, size)), np.float64)


def apply_affine(affine: F64, points: F32 | F64) -> F64:
    """Points (..., 2) through a (2, 3) map."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2], np.float64)


def index_affine(affine: F64) -> F64:
    """The same map between array indices, as OpenCV wants it: centres at whole numbers."""
    shift = affine[:, :2] @ np.array([0.5, 0.5]) - 0.5
    return np.concatenate([affine[:, :2], (affine[:, 2] + shift)[:, None]], axis=1)


def crop(image: U8, quad: F64, size: int, border: int = cv2.BORDER_REFLECT) -> U8:
    """The square (size, size, 3) that the quad covers, mirrored where it leaves the picture.

    When it shrinks, it is sampled finely enough to meet every source pixel and then averaged over
    areas, so that fine texture does not turn into flicker.
    """
    finer = max(1, int(np.ceil(side_of(quad) / size - 0.05)))
    inverse = index_affine(square_to_quad(quad, size * finer))
    fine = cv2.warpAffine(
        image,
        inverse,
        (size * finer, size * finer),
        flags=(cv2.INTER_LINEAR if finer > 1 else cv2.INTER_CUBIC) | cv2.WARP_INVERSE_MAP,
        borderMode=border,
    )
    if finer == 1:
        return np.asarray(fine, np.uint8)
    return np.asarray(cv2.resize(fine, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _norm(v: F64) -> F64:
    return np.asarray(np.linalg.norm(v, axis=-1, keepdims=True))
