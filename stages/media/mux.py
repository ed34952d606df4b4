"""The final file: the edited video, and everything else of the source as it was."""

import heapq
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import lcm
from pathlib import Path
from typing import Any, Final

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from av.video.stream import VideoStream

from pipeline.failure import OutputRefused
from stages.artifacts import Video
from stages.media.container import add_copied, copied_streams, muxer_of
from stages.media.durations import ClosingDuration
from stages.media.open import file_url, open_clip, reason
from stages.media.orientation import display_matrix, matrix_bytes

# Written by every muxer about itself.
_OWN_TAGS: Final = ("major_brand", "minor_version", "compatible_brands", "encoder")
# What MP4's own metadata box has a place for; anything else needs the QuickTime key table.
_ITUNES_TAGS: Final = frozenset(
    {"title", "artist", "album_artist", "composer", "album", "date", "comment", "genre"}
    | {"copyright", "grouping", "lyrics", "description", "synopsis", "show", "episode_id"}
    | {"network", "keywords", "creation_time", "compilation", "track", "disc", "hd_video"}
    | {"gapless_playback", "media_type"}
)
DEFAULT_TAG: Final = "edited with generative AI"


@dataclass(frozen=True)
class Span:
    """The part of the source that is kept, in seconds, and how far it moves towards zero."""

    start: Fraction | None
    end: Fraction | None
    shift: Fraction

    def holds(self, seconds: Fraction) -> bool:
        """Whether a packet or chapter that starts there is kept."""
        return (self.start is None or seconds >= self.start) and (
            self.end is None or seconds < self.end
        )


def time_shift(video: Video) -> Fraction:
    """Seconds taken off all times: a clip whose beginning was cut off starts at zero.

    An uncut beginning keeps its own times, start offset included.
    """
    return int(video.pts[0]) * video.time_base if video.first_frame else Fraction(0)


def mux(clip: Path, video: Video, encoded: Path, out: Path, tag: str = DEFAULT_TAG) -> None:
    """Join ``encoded``'s video with every other stream, chapter and tag of ``clip``.

    Packets are copied with their times. A trim keeps the packets that start inside it.

    Args:
        clip: the source.
        video: as probed from it.
        encoded: what ``VideoWriter`` wrote: exactly the frames of ``video``.
        out: overwritten; give a temporary name in the destination's folder.
        tag: appended to the file's comment, so that a viewer can tell.

    Raises:
        OutputRefused: the container cannot hold a stream, or the file cannot be written.
        InputError: the source is unreadable.
    """
    with open_clip(clip) as source, open_clip(encoded) as edited:
        timing = _timing(clip, video)
        end = timing.end * video.time_base if timing.later else None
        start = int(video.pts[0]) * video.time_base if video.first_frame else None
        span = Span(start, end, time_shift(video))
        try:
            _write(clip, source, edited, video, out, tag, span, timing)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputRefused(f"{out.name} cannot be written: {reason(error)}") from error
    with out.open("rb") as written:
        os.fsync(written.fileno())


@dataclass(frozen=True)
class _Timing:
    """What the source's own packets say. ``durations``: by pts. ``later``: frames follow ours.

    ``end``: when the video track ends, in the video's time base.
    """

    durations: dict[int, int]
    later: bool
    end: int


def _timing(clip: Path, video: Video) -> _Timing:
    durations: dict[int, int] = {}
    last = int(video.pts[-1])
    with open_clip(clip) as source:
        stream = source.streams[video.stream_index]
        for packet in source.demux(stream):
            if packet.pts is not None and packet.size and not packet.is_discard:
                durations[packet.pts] = packet.duration or 0
        later = any(pts > last for pts in durations)
        end = last + durations.get(last, 0)
        if stream.duration and not later and not video.first_frame:
            end = (stream.start_time or 0) + stream.duration
    return _Timing(durations, later, end)


def _write(
    clip: Path,
    source: InputContainer,
    edited: InputContainer,
    video: Video,
    path: Path,
    tag: str,
    span: Span,
    timing: _Timing,
) -> None:
    muxer = muxer_of(path.suffix)
    metadata = copied_metadata(source)
    if tag:
        # Matroska writes its keys in capitals.
        key = next((k for k in metadata if k.lower() == "comment"), "comment")
        metadata[key] = f"{metadata[key]}; {tag}" if metadata.get(key) else tag
    picture = edited.streams.video[0]
    with av.open(
        file_url(path),
        mode="w",
        format=muxer,
        container_options=muxer_options(muxer, source, picture, metadata),
    ) as out:
        out.metadata.update(metadata)
        targets: dict[int, Stream] = {}
        copied = {s.index for s in copied_streams(source, video)}
        for stream in source.streams:
            if stream.index == video.stream_index:
                target = _add_edited(out, picture, stream, video)
            elif stream.index in copied:
                targets[stream.index] = added = add_copied(out, stream, path.suffix)
                if isinstance(added, VideoStream):
                    added.set_display_matrix(matrix_of(clip, stream.index))
        out.set_chapters(_chapters(source, span))
        out.start_encoding()
        ours = _edited_packets(edited, picture, target, video, span, timing)
        theirs = _copied_packets(source, targets, span)
        both: tuple[Iterator[Packet[Any]], ...] = (ours, theirs)
        for packet in heapq.merge(*both, key=_decoding_time):
            out.mux_one(packet)


def copied_metadata(source: InputContainer) -> dict[str, str]:
    """The file's own tags, without those that every muxer writes about itself."""
    return {k: v for k, v in source.metadata.items() if k.lower() not in _OWN_TAGS}


def muxer_options(
    muxer: str, source: InputContainer, picture: VideoStream, metadata: dict[str, str]
) -> dict[str, str]:
    """Options that keep every time as it is; ``picture`` is the edited stream going in."""
    ticks = picture.time_base.denominator if picture.time_base else 90_000
    # Times are copied: the muxer must not move them to make them positive.
    options = {"avoid_negative_ts": "disabled"}
    if muxer in ("mp4", "mov"):
        flags = "+faststart"
        if not metadata.keys() <= _ITUNES_TAGS:
            flags += "+use_metadata_tags"
        options["movflags"] = flags
        if len(source.streams.video) == 1:  # the option would hold for every video track
            options["video_track_timescale"] = str(ticks)
        # Edit lists count in this scale; in milliseconds a start offset would be rounded.
        heard = [s.time_base.denominator for s in source.streams.audio if s.time_base]
        scale = lcm(ticks, *heard)
        options["movie_timescale"] = str(scale if scale < 1 << 31 else ticks)
    elif muxer == "mpegts":
        options |= {"mpegts_copyts": "1", "muxdelay": "0", "muxpreload": "0"}
    return options


def _add_edited(
    out: OutputContainer, picture: VideoStream, stream: Stream, video: Video
) -> VideoStream:
    added = out.add_stream_from_template(picture, opaque=True)
    if picture.codec_context.name == "hevc" and out.format.name in ("mp4", "mov"):
        added.codec_context.codec_tag = "hvc1"
    added.codec_context.framerate = video.frame_rate
    added.metadata.update({k: v for k, v in stream.metadata.items() if k != "encoder"})
    added.disposition = stream.disposition
    added.set_display_matrix(display_matrix(video))
    return added


def matrix_of(clip: Path, index: int) -> list[int] | None:
    """Display matrix of a stream that is copied, as its first decoded picture carries it."""
    with open_clip(clip) as source:
        stream = source.streams[index]
        if isinstance(stream, VideoStream):
            for picture in source.decode(stream):
                data = matrix_bytes(picture)
                return None if data is None else list(struct.unpack("<9i", data))
    return None


def _chapters(source: InputContainer, span: Span) -> list[Any]:
    kept = []
    for chapter in source.chapters():
        base = chapter["time_base"] or Fraction(1, 1000)
        start, end = chapter["start"] * base, chapter["end"] * base
        if span.end is not None:
            end = min(end, span.end)
        if span.start is not None:
            start = max(start, span.start)
        if start < end:
            moved = {"start": round((start - span.shift) / base)}
            kept.append({**chapter, **moved, "end": round((end - span.shift) / base)})
    return kept


def _edited_packets(
    edited: InputContainer,
    picture: VideoStream,
    target: VideoStream,
    video: Video,
    span: Span,
    timing: _Timing,
) -> Iterator["Packet[VideoStream]"]:
    base = picture.time_base or video.time_base
    shift = round(span.shift / base)
    scale = video.time_base / base
    closing = ClosingDuration(round(timing.end * scale))
    packets = closing.pass_on(p for p in edited.demux(picture) if p.size)
    for packet in chain(packets, closing.last()):
        pts = (packet.pts or 0) / scale
        if packet.pts is None or packet.dts is None or pts.denominator != 1:
            raise ValueError(f"a frame time was lost in encoding: {packet.pts} in {base} s")
        packet.pts -= shift
        packet.dts -= shift
        packet.stream = target
        yield packet


def _copied_packets(
    source: InputContainer, targets: dict[int, Stream], span: Span
) -> Iterator["Packet[Stream]"]:
    streams = [s for s in source.streams if s.index in targets and s.type != "attachment"]
    if not streams:
        return
    for packet in source.demux(streams):
        if not packet.size and packet.pts is None:
            continue  # the end of the stream
        if packet.stream.disposition & Disposition.attached_pic:
            packet.pts = packet.dts = 0
        elif not span.holds(time_of(packet)):
            continue
        elif span.shift:
            moved = round(span.shift / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts - moved
            packet.dts = None if packet.dts is None else packet.dts - moved
        packet.stream = targets[packet.stream_index]
        yield packet


def time_of(packet: "Packet[Any]") -> Fraction:
    """When a packet is presented, in seconds; when it is decoded if nothing else is known."""
    when = packet.pts if packet.pts is not None else packet.dts
    return (when or 0) * packet.time_base


def _decoding_time(packet: "Packet[Any]") -> Fraction:
    return (packet.pts or 0 if packet.dts is None else packet.dts) * packet.time_base
