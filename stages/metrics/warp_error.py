"""Flow-warp error: how much a clip changes along its own motion.

``E = mean over p of (I_t(p) - I_{t-1}(p + F(p)))^2`` where F is the flow from frame t to frame
t - 1 and p runs over the pixels of a region that are visible in both frames (Lai et al. 2018,
"Learning blind video temporal consistency", eq. 9, with squared differences). An edited clip is
measured with the *source's* flow and visibility, so that its error is comparable with the source's
own at the same places: a perfect edit moves as the source does.

Convention. Flow is (h, w, 2), x then y, in pixels. Pictures are RGB; errors are of values
scaled to [0, 1].
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

Bool = NDArray[np.bool_]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
FlowFunction = Callable[[U8, U8], F32]


@dataclass(frozen=True)
class Motion:
    """From a frame to the one before. ``flow``: (h, w, 2). ``visible``: (h, w), seen in both."""

    flow: F32
    visible: Bool


@dataclass(frozen=True)
class WarpError:
    """``squared`` and ``absolute`` are sums over ``count`` samples (pixels times channels)."""

    squared: float = 0.0
    absolute: float = 0.0
    count: int = 0

    def __add__(self, other: "WarpError") -> "WarpError":
        return WarpError(
            self.squared + other.squared, self.absolute + other.absolute, self.count + other.count
        )

    @property
    def mean_squared(self) -> float:
        """Mean squared difference; nan where nothing was compared."""
        return self.squared / self.count if self.count else float("nan")

    @property
    def mean_absolute(self) -> float:
        """Mean absolute difference; nan where nothing was compared."""
        return self.absolute / self.count if self.count else float("nan")


def dis_flow(a: U8, b: U8) -> F32:
    """(h, w, 2) flow from ``a`` to ``b``, both (h, w, 3) uint8: OpenCV's DIS, no weights needed."""
    grey = [np.asarray(cv2.cvtColor(x, cv2.COLOR_RGB2GRAY), np.uint8) for x in (a, b)]
    return dis(grey[0], grey[1])


def dis(a: U8, b: U8) -> F32:
    """As ``dis_flow``, of grey pictures (h, w)."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    start = np.zeros((*a.shape, 2), dtype=np.float32)
    return np.asarray(method.calc(a, b, start), dtype=np.float32)


def motion(previous: U8, current: U8, flow: FlowFunction = dis_flow) -> Motion:
    """Flow and visibility between two frames of the source, (h, w, 3) uint8 each."""
    return both_ways(previous, current, flow)[0]


def both_ways(previous: U8, current: U8, flow: FlowFunction = dis_flow) -> tuple[Motion, Motion]:
    """As ``motion``, and the same from the frame before to this one."""
    back, forth = flow(current, previous), flow(previous, current)
    return Motion(back, visible(back, forth)), Motion(forth, visible(forth, back))


def visible(there: F32, back: F32) -> Bool:
    """(h, w) where going there and back returns, by the test of Sundaram et al. 2010.

    ``|F + B(p + F)|^2 < 0.01 (|F|^2 + |B|^2) + 0.5``; what leaves the frame is not visible.
    """
    returned = warp(back, there)
    gap = np.sum((there + returned) ** 2, axis=2)
    size = np.sum(there**2, axis=2) + np.sum(returned**2, axis=2)
    height, width = there.shape[:2]
    x, y = _target(there)
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    return np.asarray(inside & (gap < 0.01 * size + 0.5))


def warp(picture: F32, flow: F32) -> F32:
    """``out(p) = picture(p + flow(p))``, bilinear, the border repeated; (h, w, c) float32."""
    x, y = _target(flow)
    out = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(out, dtype=np.float32)


def warp_error(previous: U8, current: U8, along: Motion, region: Bool) -> WarpError:
    """The error of one pair of frames, (h, w, 3) uint8 each, inside ``region`` (h, w)."""
    if previous.shape != current.shape or current.shape[:2] != region.shape:
        raise ValueError(
            f"frames {previous.shape}, {current.shape} and region {region.shape} must agree"
        )
    return total(residual(previous, current, along), region & along.visible)


def residual(previous: U8, current: U8, along: Motion) -> F32:
    """(h, w, 3) what motion does not explain, in grey levels: the frame less the warped last."""
    return current.astype(np.float32) - warp(previous.astype(np.float32), along.flow)


def total(left: F32, where: Bool) -> WarpError:
    """Sums of a residual over the pixels (h, w) where it counts."""
    difference = left[where].astype(np.float64) / 255
    return WarpError(
        float(np.sum(difference**2)), float(np.sum(np.abs(difference))), difference.size
    )


def border(mask: Bool, width: int) -> Bool:
    """(h, w) the band within ``width`` pixels of the mask's outline, on both sides."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * width + 1, 2 * width + 1))
    grid = mask.astype(np.uint8)
    # Where the mask is cut by the picture's edge there is no seam to be seen.
    inner = cv2.erode(grid, kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.asarray(cv2.dilate(grid, kernel) != inner)


def _target(flow: F32) -> tuple[F32, F32]:
    """Where each pixel goes: x and y maps as ``cv2.remap`` takes them."""
    x, y = _grid(*flow.shape[:2])
    return x + flow[..., 0], y + flow[..., 1]


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> tuple[F32, F32]:
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    return x, y
