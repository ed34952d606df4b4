"""Planar Y'CbCr pictures: layout, conversion to RGB, and adding an edit to untouched samples."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.failure import InputError
from stages.artifacts import F32, U8, Video
from stages.media.colour import codes_of

Plane = NDArray[np.uint8] | NDArray[np.uint16]
Planes = tuple[Plane, Plane, Plane]

# AVCHROMA_LOC_* with chroma midway between two luma columns, and on the upper or lower luma row.
_CENTRE_COLUMNS: Final = (2, 4, 6)
_TOP_ROWS: Final = (3, 4)
_BOTTOM_ROWS: Final = (5, 6)


@dataclass(frozen=True)
class Layout:
    """Where chroma samples lie. ``step_x, step_y``: 1 or 2 luma samples per chroma sample.

    ``site_x, site_y``: luma index, from the first luma sample of its group, on which a chroma
    sample sits: 0 first, 0.5 between, 1 second.
    """

    bit_depth: int
    step_x: int
    step_y: int
    site_x: float
    site_y: float

    def chroma_size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of the chroma planes; odd sizes round up."""
        return -(-width // self.step_x), -(-height // self.step_y)


_STEPS: Final[dict[str, tuple[int, int]]] = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
SUPPORTED: Final[tuple[str, ...]] = (
    *(f"{kind}{sub}p" for sub in _STEPS for kind in ("yuv", "yuvj")),
    *(f"yuv{sub}p10le" for sub in _STEPS),
)


def layout(pix_fmt: str, chroma_location: int = 0) -> Layout:
    """Layout of a supported pixel format.

    Args:
        pix_fmt: FFmpeg's name.
        chroma_location: AVCHROMA_LOC_*; 0 (unspecified) is taken as 1, left, which is what
            MPEG-2, H.264 and HEVC mean when they say nothing.

    Raises:
        InputError: any other format.
    """
    if pix_fmt not in SUPPORTED:
        raise InputError(f"pixel format {pix_fmt} is not one of {', '.join(SUPPORTED)}")
    step_x, step_y = _STEPS[pix_fmt.removeprefix("yuvj").removeprefix("yuv")[:3]]
    site_x = 0.5 if step_x == 2 and chroma_location in _CENTRE_COLUMNS else 0.0
    site_y = 0.5 if step_y == 2 else 0.0
    if step_y == 2 and chroma_location in _TOP_ROWS:
        site_y = 0.0
    if step_y == 2 and chroma_location in _BOTTOM_ROWS:
        site_y = 1.0
    return Layout(10 if pix_fmt.endswith("10le") else 8, step_x, step_y, site_x, site_y)


def layout_of(video: Video) -> Layout:
    """Layout of this video's planes."""
    return layout(video.pix_fmt, video.colour.chroma_location)


def rgb_float(planes: Planes, video: Video) -> F32:
    """(H, W, 3) RGB in *coded* orientation, nominally [0, 255], neither rounded nor clipped."""
    luma = planes[0]
    height, width = luma.shape
    lay = layout_of(video)
    chroma = np.asarray(cv2.merge([planes[1], planes[2]]), np.float32)
    if (lay.step_x, lay.step_y) != (1, 1):
        # Bilinear about the true sites; all weights are quarters, which warpAffine has exactly.
        back = np.array(
            [
                [1 / lay.step_x, 0, -lay.site_x / lay.step_x],
                [0, 1 / lay.step_y, -lay.site_y / lay.step_y],
            ]
        )
        linear = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        spread = cv2.warpAffine(
            chroma, back, (width, height), flags=linear, borderMode=cv2.BORDER_REPLICATE
        )
        chroma = np.asarray(spread, np.float32)
    return _convert([luma.astype(np.float32), chroma[..., 0], chroma[..., 1]], video)


def rgb_small(planes: Planes, video: Video, width: int, height: int) -> U8:
    """(height, width, 3) uint8 RGB in *coded* orientation, averaged down before conversion."""
    size = (width, height)
    small = [
        np.asarray(cv2.resize(p, size, interpolation=cv2.INTER_AREA), np.float32) for p in planes
    ]
    return np.clip(np.rint(_convert(small, video)), 0, 255).astype(np.uint8)


def _convert(planes: list[F32], video: Video) -> F32:
    matrix, offset = codes_of(video).to_rgb()
    both = np.column_stack([matrix, offset]).astype(np.float32)
    return np.asarray(cv2.transform(cv2.merge(planes), both), np.float32)


def rgb_uint8(planes: Planes, video: Video) -> U8:
    """(H, W, 3) uint8 RGB in *coded* orientation."""
    rgb = rgb_float(planes, video)
    np.rint(rgb, out=rgb)
    np.clip(rgb, 0, 255, out=rgb)
    return rgb.astype(np.uint8)


def chroma_mask(mask: NDArray[np.bool_], video: Video) -> NDArray[np.bool_]:
    """(h, w) chroma samples whose value depends on any luma position in ``mask``, (H, W) coded."""
    lay = layout_of(video)
    width, height = lay.chroma_size(video.width, video.height)
    shares = _to_chroma(mask.astype(np.float32)[..., None], (0, 0), lay, (0, 0, width, height))
    return shares[..., 0] > 0


def apply_delta(planes: Planes, delta: F32, origin: tuple[int, int], video: Video) -> Planes:
    """Add an edit, given as a difference in RGB, to pictures whose samples stay what they are.

    The conversion is linear, so the difference of two RGB pictures becomes the difference of their
    Y'CbCr without any sample of the source being converted. Where ``delta`` is exactly zero (for
    chroma: at every luma position a chroma sample averages over) samples stay bit for bit.

    Args:
        planes: Y, Cb, Cr in coded orientation; never written to.
        delta: (h, w, 3) RGB difference in units of 8-bit RGB, coded orientation, luma resolution.
        origin: (x, y) of its top-left luma sample; it may hang over the edges.
        video: what the planes belong to.

    Returns:
        Planes in which only samples under ``delta`` differ; an unchanged plane is the same object.
    """
    height, width = planes[0].shape
    x, y = origin
    left, top = max(0, -x), max(0, -y)
    delta = delta[top : max(top, height - y), left : max(left, width - x)]
    x, y = x + left, y + top
    if delta.size == 0 or not delta.any():
        return planes
    lay, code = layout_of(video), codes_of(video)
    difference = delta.reshape(-1, 3) @ code.scale.T.astype(np.float32)
    ycc = difference.reshape(delta.shape)
    touched = np.asarray(delta.any(axis=2), np.bool_)

    luma = _add(planes[0], ycc[..., 0], touched, (x, y), code.low[0], code.high[0])
    chroma_width, chroma_height = lay.chroma_size(width, height)
    # A chroma sample averages over at most one luma sample beyond its own group on either side.
    x0, y0 = max(0, (x - 1) // lay.step_x), max(0, (y - 1) // lay.step_y)
    x1 = min(chroma_width, (x + delta.shape[1]) // lay.step_x + 1)
    y1 = min(chroma_height, (y + delta.shape[0]) // lay.step_y + 1)
    stack = np.dstack([ycc[..., 1:], touched.astype(np.float32)])
    stack = _at_edges(stack, (x, y), (width, height))
    shifted = (x - (x == 0), y - (y == 0))
    small = _to_chroma(stack, shifted, lay, (x0, y0, x1, y1))
    reached = small[..., 2] > 0
    cb = _add(planes[1], small[..., 0], reached, (x0, y0), code.low[1], code.high[1])
    cr = _add(planes[2], small[..., 1], reached, (x0, y0), code.low[2], code.high[2])
    return luma, cb, cr


def _add(
    plane: Plane,
    difference: F32,
    touched: NDArray[np.bool_],
    origin: tuple[int, int],
    low: float,
    high: float,
) -> Plane:
    """``plane`` plus ``difference`` where ``touched``, rounded and clipped to [low, high].

    A sample that lies outside already may stay there, but is not pushed further.
    """
    (x, y), (h, w) = origin, difference.shape
    before = plane[y : y + h, x : x + w].astype(np.float32)
    after = np.clip(np.rint(before + difference), np.minimum(before, low), np.maximum(before, high))
    after = np.where(touched, after, before)
    if np.array_equal(after, before):
        return plane
    result = plane.copy()
    result[y : y + h, x : x + w] = after.astype(plane.dtype)
    return result


def _at_edges(values: F32, origin: tuple[int, int], size: tuple[int, int]) -> F32:
    """Repeat rows and columns that lie on the picture's edge once beyond it.

    So an average that reaches over the edge stays an average of what is inside.
    """
    (x, y), (h, w) = origin, values.shape[:2]
    pad = ((int(y == 0), int(y + h == size[1])), (int(x == 0), int(x + w == size[0])), (0, 0))
    return np.pad(values, pad, mode="edge")


def _taps(step: int, site: float) -> tuple[tuple[int, float], ...]:
    """(luma offset from the group's first sample, weight) of a chroma sample's average."""
    if step == 1:
        return ((0, 1.0),)
    if site == 0.5:
        return ((0, 0.5), (1, 0.5))
    middle = int(site)
    return ((middle - 1, 0.25), (middle, 0.5), (middle + 1, 0.25))


def _to_chroma(
    values: F32, origin: tuple[int, int], lay: Layout, box: tuple[int, int, int, int]
) -> F32:
    """Average (h, w, c) luma-grid values onto chroma samples of ``box`` (x0, y0, x1, y1).

    ``values`` start at luma position ``origin`` and are zero outside.
    """
    x0, y0, x1, y1 = box
    # One extra luma sample in front of and behind the box, for the three-tap averages.
    canvas = np.zeros(
        ((y1 - y0) * lay.step_y + 2, (x1 - x0) * lay.step_x + 2, values.shape[2]), np.float32
    )
    oy, ox = origin[1] - (y0 * lay.step_y - 1), origin[0] - (x0 * lay.step_x - 1)
    sy, sx = max(0, -oy), max(0, -ox)
    part = values[sy : max(sy, canvas.shape[0] - oy), sx : max(sx, canvas.shape[1] - ox)]
    canvas[oy + sy : oy + sy + part.shape[0], ox + sx : ox + sx + part.shape[1]] = part

    rows = np.zeros((y1 - y0, canvas.shape[1], values.shape[2]), np.float32)
    for offset, weight in _taps(lay.step_y, lay.site_y):
        rows += weight * canvas[1 + offset :: lay.step_y][: y1 - y0]
    result = np.zeros((y1 - y0, x1 - x0, values.shape[2]), np.float32)
    for offset, weight in _taps(lay.step_x, lay.site_x):
        result += weight * rows[:, 1 + offset :: lay.step_x][:, : x1 - x0]
    return result
