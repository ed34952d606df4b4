"""The eight ways a picture can be stored: display matrix, arrays and coordinates.

Convention: ``upright = turn(rotation) after mirror(flip)`` of the coded picture, where *turn* is
clockwise as seen and *mirror* swaps left and right. Coordinates are continuous, x right, y down,
pixel centres at half-integers, so the picture covers [0, width) x [0, height).
"""

import struct
from typing import Literal, TypeVar, cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pipeline.failure import InputError
from stages.artifacts import F64, Video

Rotation = Literal[0, 90, 180, 270]
Scalar = TypeVar("Scalar", bound=np.generic)

# Clockwise turns with y pointing down: a point (x, y) about the origin goes to R @ (x, y).
_TURNS: dict[Rotation, tuple[tuple[int, int], tuple[int, int]]] = {
    0: ((1, 0), (0, 1)),
    90: ((0, -1), (1, 0)),
    180: ((-1, 0), (0, -1)),
    270: ((0, 1), (-1, 0)),
}


def linear(rotation: int, flip: bool) -> F64:
    """(2, 2) coded to upright, without the translation."""
    turn = np.array(_TURNS[rotation], dtype=np.float64)  # type: ignore[index]
    return turn @ np.diag([-1.0, 1.0]) if flip else turn


def from_display_matrix(data: bytes) -> tuple[Rotation, bool]:
    """Rotation and mirror of FFmpeg's display matrix.

    Args:
        data: nine int32, row by row (a b u; c d v; x y w), 16.16 fixed point: the coded point
            (p, q) is shown at (a p + c q + x, b p + d q + y).

    Raises:
        InputError: the matrix is not a turn by a right angle with an optional mirror.
    """
    if len(data) != 36:
        raise InputError(f"the clip's display matrix has {len(data)} bytes and not 36")
    a, b, _, c, d = struct.unpack("<5i", data[:20])
    found = np.array([[a, c], [b, d]], dtype=np.float64) / 65536.0
    for rotation in _TURNS:
        for flip in (False, True):
            if np.abs(found - linear(rotation, flip)).max() < 1e-2:
                return rotation, flip
    shown = found.round(3).tolist()
    raise InputError(
        f"the clip is to be shown through the matrix {shown}; only turns by 0, 90, 180 or 270 "
        "degrees with an optional mirror are supported"
    )


def matrix_bytes(picture: VideoFrame) -> bytes | None:
    """The display matrix a decoded picture carries, as FFmpeg lays it out in memory."""
    try:
        return bytes(cast(SideDataContainer, picture.side_data)[Type.DISPLAYMATRIX])
    except KeyError:
        return None


def display_matrix(video: Video) -> list[int] | None:
    """Nine integers for the muxer, None when the picture is stored upright.

    The translation keeps the shown picture at the origin, as cameras write it.
    """
    if video.rotation == 0 and not video.flip:
        return None
    affine = coded_to_upright(video)
    fixed = [round(v * 65536) for v in affine.ravel()]
    a, c, x, b, d, y = fixed
    return [a, b, 0, c, d, 0, x, y, 1 << 30]


def coded_to_upright(video: Video) -> F64:
    """(2, 3) affine from coded to upright pixel coordinates."""
    m = linear(video.rotation, video.flip)
    corners = np.array([[0, 0], [video.width, video.height]], dtype=np.float64) @ m.T
    return np.column_stack([m, -corners.min(axis=0)])


def upright_to_coded(video: Video) -> F64:
    """(2, 3) affine from upright to coded pixel coordinates, the inverse of the above."""
    forward = coded_to_upright(video)
    inverse = np.linalg.inv(forward[:, :2])
    result: F64 = np.column_stack([inverse, -inverse @ forward[:, 2]])
    return result + 0.0  # no negative zeros


def to_upright(picture: NDArray[Scalar], video: Video) -> NDArray[Scalar]:
    """Turn a coded (H, W, ...) array upright. A contiguous array comes back."""
    if video.flip:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(np.rot90(picture, -(video.rotation // 90)))


def to_coded(picture: NDArray[Scalar], video: Video) -> NDArray[Scalar]:
    """Turn an upright (H, W, ...) array back into coded orientation."""
    picture = np.rot90(picture, video.rotation // 90)
    if video.flip:
        picture = picture[:, ::-1]
    return np.ascontiguousarray(picture)
