"""Decoded pictures: planes as the decoder gives them, and RGB as a viewer sees them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np


@dataclass(frozen=True)
class Picture:
    """``planes`` and ``rgb`` are upright. ``peak``: the largest sample value."""

    planes: tuple[np.ndarray, ...]
    rgb: np.ndarray
    peak: int


def pictures(path: Path) -> Iterator[Picture]:
    """All frames of the first video stream, in the order they are shown."""
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        for frame in container.decode(video=0):
            # PyAV gives the angle counter-clockwise, as numpy turns.
            turns = (frame.rotation // 90) % 4
            rgb = np.rot90(frame.to_ndarray(format="rgb24"), turns)
            yield Picture(
                planes=tuple(np.rot90(_plane(p, frame), turns) for p in frame.planes),
                rgb=np.ascontiguousarray(rgb),
                peak=(1 << frame.format.components[0].bits) - 1,
            )


def _plane(plane: av.video.plane.VideoPlane, frame: av.VideoFrame) -> np.ndarray:
    """(h, w) samples of one plane of a planar format, without the padding of its rows."""
    if len(frame.format.components) != len(frame.planes):
        raise ValueError(f"{frame.format.name} is not planar")
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.dtype("<u2")
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    samples = rows[:, : plane.width * np.dtype(kind).itemsize].copy()
    return samples.view(kind)
