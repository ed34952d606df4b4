"""What of a face moves within a clip, measured on the mesh: one number a frame and attribute.

The numbers are those that directions of the same names are labelled with, so that an amount of a
direction can be told from an amount of the attribute.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from stages.artifacts import F32, F64
from stages.yaw import yaw_of

_LEFT, _RIGHT = (33, 133), (362, 263)
_LIPS, _CORNERS = (13, 14), (61, 291)


def between_eyes(landmarks: F32) -> F64:
    """(n,) distance of the eyes' centres."""
    left, right = (landmarks[:, list(eye)].mean(axis=1) for eye in (_LEFT, _RIGHT))
    return np.asarray(np.linalg.norm(left - right, axis=-1), np.float64)


def _apart(landmarks: F32, points: tuple[int, int]) -> F64:
    gap = np.linalg.norm(landmarks[:, points[0]] - landmarks[:, points[1]], axis=-1)
    return np.asarray(gap / between_eyes(landmarks), np.float64)


MEASURES: Mapping[str, Callable[[F32], F64]] = MappingProxyType(
    {
        "mouth": lambda landmarks: _apart(landmarks, _LIPS),
        "smile": lambda landmarks: _apart(landmarks, _CORNERS),
        "yaw": yaw_of,
    }
)
"""Opening of the mouth and its width, in distances of the eyes, and degrees of turn, each of mesh
landmarks (n, 468, 2)."""


def measured(landmarks: F32) -> F32:
    """(n, measures) of meshes (n, 468, 2), in the order of ``MEASURES``."""
    return np.stack([measure(landmarks) for measure in MEASURES.values()], 1).astype(np.float32)


def explained(measure: F64, projection: F64) -> F64:
    """(n,) what of a measure's course (n,) is a multiple of the codes' projections (n,).

    The course is the codes', which are smoother than landmarks; the amount is the landmarks', for a
    code moves much less along a direction than the picture does: most of an opening mouth lies
    beside the direction that opens mouths.
    """
    x = projection - projection.mean()
    power = float(x @ x)
    if power < 1e-12:
        return np.zeros(len(measure))
    return np.asarray(float(x @ (measure - measure.mean())) / power * projection, np.float64)
