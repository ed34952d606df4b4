"""Output containers: which muxer a suffix means, and whether it can hold every stream of a clip."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
from av.container import InputContainer, OutputContainer
from av.stream import AttachmentStream, Stream

from pipeline.failure import OutputRefused
from stages.artifacts import Video
from stages.media.encoders import Encoder, choose_encoder
from stages.media.open import open_clip, reason
from stages.media.orientation import display_matrix

MUXERS: Final[dict[str, str]] = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".ts": "mpegts",
}
_ISO: Final = ("mp4", "mov")


def muxer_of(suffix: str) -> str:
    """FFmpeg's muxer for a file suffix.

    Raises:
        OutputRefused: a suffix we do not write.
    """
    if suffix.lower() == ".avi":
        raise OutputRefused(
            "an .avi file cannot hold the times of frames; give the output another suffix, "
            "such as .mp4 or .mkv"
        )
    try:
        return MUXERS[suffix.lower()]
    except KeyError:
        raise OutputRefused(
            f"output suffix {suffix or '(none)'!r} is not one of {', '.join(MUXERS)}"
        ) from None


def is_made_anew(stream: Stream, container: InputContainer) -> bool:
    """QuickTime's chapter and time code tracks, which the muxer writes itself.

    It makes them from the chapters and from the video stream's ``timecode``, which are copied.
    """
    if stream.type != "data" or not container.format.name.startswith("mov"):
        return False
    handler = stream.metadata.get("handler_name", "")
    is_chapters = bool(container.chapters()) and handler in ("", "SubtitleHandler", "Chapters")
    return is_chapters or "timecode" in stream.metadata


def copied_streams(container: InputContainer, video: Video) -> Iterator[Stream]:
    """Every stream of the source that goes over as it is, in its order."""
    for stream in container.streams:
        if stream.index != video.stream_index and not is_made_anew(stream, container):
            yield stream


def add_copied(out: OutputContainer, stream: Stream, suffix: str) -> Stream:
    """Add a stream to ``out`` that will take the packets of ``stream``.

    Raises:
        OutputRefused: the container has no place for its codec.
    """
    try:
        if isinstance(stream, AttachmentStream):
            name = stream.metadata.get("filename", f"attachment-{stream.index}")
            kind = stream.mimetype or "application/octet-stream"
            added: Stream = out.add_attachment(name, kind, stream.data)
        else:
            added = out.add_stream_from_template(stream, opaque=True)
    except (ValueError, av.error.FFmpegError) as error:
        raise refused(stream, suffix) from error
    added.metadata.update(stream.metadata)
    added.disposition = stream.disposition
    return added


def refused(stream: Stream, suffix: str) -> OutputRefused:
    """The sentence for a stream that does not fit."""
    codec = stream.codec_context.name if stream.codec_context else "unknown codec"
    language = stream.metadata.get("language", "und")
    spoken = f", language {language}" if language != "und" else ""
    return OutputRefused(
        f"a {suffix} file cannot hold stream {stream.index} of the clip "
        f"({stream.type}, {codec}{spoken}); choose an output with another suffix, such as .mkv "
        "or the clip's own"
    )


def check_container(clip: Path, video: Video, suffix: str, codec: str | None = None) -> Encoder:
    """Find out, before any work, whether the output can hold the clip.

    A header with each stream in turn is written to memory: the muxer itself is the authority.

    Args:
        clip: the source.
        video: as probed.
        suffix: of the output, with its dot.
        codec: as for ``choose_encoder``.

    Returns:
        The encoder that will be used.

    Raises:
        OutputRefused: a stream, the frame times or the rotation have no place in that container.
        UsageError: no such codec.
    """
    muxer = muxer_of(suffix)
    encoder = choose_encoder(video, codec)
    if muxer in ("matroska", "webm") and any(
        (int(p) * video.time_base * 1000).denominator != 1 for p in video.pts
    ):
        raise OutputRefused(
            f"a {suffix} file counts time in milliseconds, which would move this clip's frames; "
            "write .mp4 or .mov"
        )
    if muxer == "mpegts" and display_matrix(video) is not None:
        raise OutputRefused(
            f"a {suffix} file cannot say that the picture is turned by {video.rotation} degrees; "
            "write .mp4, .mov or .mkv"
        )
    with open_clip(clip) as source:
        _try_edited(video, encoder, muxer, suffix)
        for stream in copied_streams(source, video):
            _try_header(stream, muxer, suffix)
    return encoder


def _try_header(stream: Stream, muxer: str, suffix: str) -> None:
    try:
        with av.open(io.BytesIO(), mode="w", format=muxer) as out:
            add_copied(out, stream, suffix)
            out.start_encoding()
    except av.error.FFmpegError as error:
        raise refused(stream, suffix) from error


def _try_edited(video: Video, encoder: Encoder, muxer: str, suffix: str) -> None:
    try:
        with av.open(io.BytesIO(), mode="w", format=muxer) as out:
            out.add_mux_stream(encoder.codec, rate=video.frame_rate)
    except (ValueError, av.error.FFmpegError) as error:
        raise OutputRefused(
            f"a {suffix} file cannot hold {encoder.codec} video ({reason(error)})"
        ) from error
