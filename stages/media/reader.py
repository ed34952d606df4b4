"""Streaming decode: one frame at a time, with its own pts, in coded orientation."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.failure import InputError
from stages.artifacts import F32, U8, Video
from stages.media.open import guard_decoder, open_clip
from stages.media.orientation import to_upright
from stages.media.planes import Plane, Planes, layout_of, rgb_float, rgb_uint8

# Only where the container's own index says what a key frame is.
_INDEXED: Final = ("mov", "matroska")
# Seconds before a frame at which to look for a key frame, before decoding from the start.
_LEAPS: Final = (0, 2, 8, 32)


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    ``index`` counts from 0 within ``Video`` (a trim is already taken off); ``pts`` is in the
    video's time base. ``planes`` are Y, Cb, Cr exactly as decoded, in coded orientation, uint8 or
    uint16 (low bits), read-only: the decoder still refers to them.
    """

    index: int
    pts: int
    planes: Planes
    video: Video

    def rgb(self) -> U8:
        """(H, W, 3) uint8 RGB, upright."""
        return to_upright(rgb_uint8(self.planes, self.video), self.video)

    def rgb_float(self) -> F32:
        """(H, W, 3) float32 RGB, upright, nominally [0, 255], neither rounded nor clipped."""
        return to_upright(rgb_float(self.planes, self.video), self.video)


def read_planes(
    path: Path,
    video: Video,
    first: int = 0,
    last: int | None = None,
    stride: int = 1,
    threads: int = 0,
) -> Iterator[Frame]:
    """Yield frames ``first, first + stride, ...`` below ``last``, in order, in bounded memory.

    A range that starts late is reached by seeking to a key frame before it. Every frame's pts is
    compared with the video's own table, so that a frame can never come under a wrong index.

    Args:
        path: the clip ``video`` was probed from.
        threads: of the decoder, 0 for as many as there are cores. Never changes a pixel.

    Raises:
        InputError: the file no longer decodes to the frames that were probed.
    """
    last = video.frames if last is None else last
    if not (0 <= first <= last <= video.frames and stride >= 1):
        raise ValueError(f"frames [{first}, {last}) by {stride} of {video.frames}")
    if first == last:
        return
    index = first
    for picture in _pictures(path, video, first, threads):
        if picture.pts is None or picture.pts < video.pts[index]:
            continue
        if picture.pts != video.pts[index]:
            break
        if (index - first) % stride == 0:
            yield Frame(index, picture.pts, planes_of(picture, video), video)
        index += 1
        if index == last:
            return
    raise InputError(
        f"{path.name}: frame {index} (at {float(video.seconds[index]):.3f} s) did not decode again"
    )


def read_rgb(
    path: Path, video: Video, first: int = 0, last: int | None = None, stride: int = 1
) -> Iterator[U8]:
    """The same frames as ``read_planes``, as (H, W, 3) uint8 RGB, upright."""
    for frame in read_planes(path, video, first, last, stride):
        yield frame.rgb()


def planes_of(picture: VideoFrame, video: Video) -> Planes:
    """The decoder's own samples as three read-only arrays.

    Raises:
        InputError: the picture is not of the probed size and format.
    """
    if (picture.width, picture.height, picture.format.name) != (
        video.width,
        video.height,
        video.pix_fmt,
    ):
        raise InputError(
            f"the picture changes to {picture.width}x{picture.height} {picture.format.name} "
            f"in mid-stream (from {video.width}x{video.height} {video.pix_fmt})"
        )
    kind = np.uint16 if layout_of(video).bit_depth > 8 else np.uint8
    found: list[Plane] = []
    for plane in picture.planes:
        samples = np.frombuffer(plane, kind)  # type: ignore[call-overload]
        rows = samples.reshape(plane.height, plane.line_size // samples.itemsize)
        array = np.ascontiguousarray(rows[:, : plane.width])
        array.flags.writeable = False
        found.append(array)
    y, cb, cr = found
    return y, cb, cr


def _pictures(path: Path, video: Video, first: int, threads: int) -> Iterator[VideoFrame]:
    """Decoded pictures from some point at or before frame ``first``, complete from there on."""
    target = int(video.pts[first])
    for back in _LEAPS if first or video.first_frame else ():
        at = int(target - back / video.time_base)
        with _opened(path, video, threads) as (container, stream):
            if not _lands_before(container, stream, at, target):
                continue
            container.seek(at, stream=stream)
            pictures = container.decode(stream)
            # With a rolling refresh nothing comes out for a while after what is called a key frame.
            start = next(pictures, None)
            if start is not None and start.pts is not None and start.pts <= target:
                yield start
                yield from pictures
                return
    with _opened(path, video, threads) as (container, stream):
        yield from container.decode(stream)


@contextmanager
def _opened(path: Path, video: Video, threads: int) -> Iterator[tuple[InputContainer, VideoStream]]:
    with open_clip(path) as container:
        stream = container.streams[video.stream_index]
        if not isinstance(stream, VideoStream):
            raise InputError(f"stream {video.stream_index} of {path.name} is not a video stream")
        # Decoders pad pictures to whole blocks and some add edges.
        guard_decoder(stream, 2 * (video.width + 256) * (video.height + 256), threads)
        yield container, stream


def _lands_before(container: InputContainer, stream: VideoStream, at: int, target: int) -> bool:
    """Whether seeking to ``at`` reaches a key frame shown no later than ``target``.

    Pictures that follow a key frame in the file and are shown before it may refer to what was
    skipped (open groups of pictures), so the key frame itself has to come first.
    """
    if container.format.name.split(",")[0] not in _INDEXED:
        return False
    try:
        container.seek(at, stream=stream)
        key = next((p for p in container.demux(stream) if p.size), None)
    except av.error.FFmpegError:
        return False
    return key is not None and key.is_keyframe and key.pts is not None and key.pts <= target
