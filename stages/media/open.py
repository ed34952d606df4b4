"""Open a file from outside: local, of a few container formats, within limits.

A text file named ``.mp4`` can be a playlist that makes FFmpeg open other files. So the formats are
a white list, the only protocol is ``file``, and the name goes in as an absolute ``file:`` URL, so
that ``-x.mp4`` or ``a'b/%03d [1].mp4`` are names and nothing else.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from pipeline.failure import InputError
from stages.media.limits import Limits

FORMATS: Final = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts"
_SPOKEN: Final = "mov, mp4, matroska, webm, avi, mpegts"


def file_url(path: Path) -> str:
    """The one form of a local name that FFmpeg takes literally."""
    return "file:" + str(path.absolute())


@contextmanager
def open_clip(path: Path, limits: Limits | None = None) -> Iterator[InputContainer]:
    """Open ``path`` for reading; FFmpeg's errors inside the block become InputError.

    Args:
        path: a local file.
        limits: what is refused; None for a clip that has been probed already.

    Raises:
        InputError: there is no such file, it is not a clip of a supported container format, or
            it is over a limit.
    """
    if not path.is_file():
        what = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {what}")
    if path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty")
    try:
        container = av.open(
            file_url(path),
            mode="r",
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError, OSError) as error:
        raise InputError(
            f"{path.name} cannot be opened as a clip ({reason(error)}); "
            f"supported containers are {_SPOKEN}"
        ) from error
    with container:
        try:
            if limits is not None:
                _refuse_oversize(container, path, limits)
            yield container
        except av.error.FFmpegError as error:
            raise InputError(f"{path.name} cannot be decoded: {reason(error)}") from error


def edited_stream(container: InputContainer, name: str) -> VideoStream:
    """The first video stream that is not a cover picture: the one that is edited.

    Raises:
        InputError: there is none.
    """
    for stream in container.streams.video:
        if not stream.disposition & (Disposition.attached_pic | Disposition.timed_thumbnails):
            return stream
    raise InputError(f"{name} has no video stream")


def guard_decoder(stream: VideoStream, max_pixels: int, threads: int) -> None:
    """Let the decoder refuse pictures that grow in mid-stream before it allocates them.

    ``threads`` 0 means one per core. Call it before the first packet is decoded.
    """
    stream.codec_context.options = {"max_pixels": str(max_pixels)}
    stream.thread_type = "AUTO"
    stream.codec_context.thread_count = threads


def reason(error: Exception) -> str:
    """FFmpeg's own words, without the file name and the numbers around them."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).strip().lower()


def _refuse_oversize(container: InputContainer, path: Path, limits: Limits) -> None:
    if len(container.streams) > limits.max_streams:
        raise InputError(
            f"{path.name} has {len(container.streams)} streams; the limit is {limits.max_streams}"
        )
    for stream in container.streams.video:
        width, height = stream.codec_context.width, stream.codec_context.height
        if (
            width > limits.max_width
            or height > limits.max_height
            or width * height > limits.max_pixels
        ):
            raise InputError(
                f"{path.name} has pictures of {width}x{height}; the limit is "
                f"{limits.max_width}x{limits.max_height} and {limits.max_pixels} pixels"
            )
    if container.duration is not None:
        seconds = container.duration / av.time_base
        if seconds > limits.max_seconds:
            raise InputError(
                f"{path.name} lasts {seconds:.1f} s; the limit is {limits.max_seconds:g} s"
            )
