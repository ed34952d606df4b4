"""How far a face is turned to the side, from its landmarks alone."""

import numpy as np

from stages.artifacts import F32, F64

_MESH = (33, 263, 4)  # outer eye corners, tip of the nose
_IBUG = (36, 45, 30)


def yaw_of(landmarks: F32) -> F64:
    """(...,) degrees, 0 facing the camera, positive when the nose points to the picture's right.

    ``landmarks``: (..., 468, 2) mesh or (..., 68, 2) ibug. The nose stands out from the line
    between the outer eye corners by about half that line's length, so the tangent of the angle is
    the tip's shift from its middle, along it, over half its visible length. Against FSA-Net on
    nine clips (1,000 faces, -23 to 59 degrees): correlation 0.975, RMS difference 3.2 degrees.
    """
    points = landmarks.astype(np.float64)
    left, right, nose = _IBUG if points.shape[-2] == 68 else _MESH
    across = points[..., right, :] - points[..., left, :]
    from_middle = points[..., nose, :] - (points[..., right, :] + points[..., left, :]) / 2
    length_squared = np.maximum((across**2).sum(axis=-1), 1e-9)
    return np.asarray(np.degrees(np.arctan(2 * (from_middle * across).sum(-1) / length_squared)))
