"""Source and result next to each other, as a viewer sees them."""

import dataclasses
from typing import cast

import numpy as np

from stages.artifacts import Video
from stages.media.planes import Plane, Planes, layout_of


def double(video: Video) -> Video:
    """The same video with room for two pictures side by side when upright."""
    if _along_width(video):
        return dataclasses.replace(video, width=2 * video.width)
    return dataclasses.replace(video, height=2 * video.height)


def beside(source: Planes, result: Planes, video: Video) -> Planes:
    """Planes of both, the source on the viewer's left; coded orientation."""
    axis = 1 if _along_width(video) else 0
    # A quarter turn clockwise brings the coded bottom to the left; a mirror acts before it.
    swap = (video.rotation == 180) != video.flip if axis == 1 else video.rotation == 90

    both = double(video)
    width, height = layout_of(both).chroma_size(both.width, both.height)

    def join(left: Plane, right: Plane) -> Plane:
        pair = (right, left) if swap else (left, right)
        return cast("Plane", np.concatenate(pair, axis=axis))

    y, cb, cr = (join(a, b) for a, b in zip(source, result, strict=True))
    # Two odd pictures have one chroma sample more than the even one they make.
    return y, cb[:height, :width], cr[:height, :width]


def _along_width(video: Video) -> bool:
    return video.rotation in (0, 180)
