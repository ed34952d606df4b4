"""Cut the beginning of a clip without decoding, so that packets and times can be compared."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from pipeline.failure import OutputRefused
from stages.media.container import add_copied, is_made_anew, muxer_of
from stages.media.mux import copied_metadata, matrix_of, muxer_options, time_of
from stages.media.open import edited_stream, file_url, open_clip, reason


def stream_copy_cut(src: Path, dst: Path, frames: int) -> int:
    """Copy the packets of the first ``frames`` presented frames, and all other streams up to there.

    Packets lie in decoding order, where a frame may come before others that are shown earlier. The
    cut is made where the packets so far are exactly the first frames shown, so nothing is missing
    between them and every reference is there: at ``frames`` or at the last such place before it.

    Args:
        src: a clip.
        dst: overwritten; its suffix says the container.
        frames: how many at most.

    Returns:
        The number of frames copied.

    Raises:
        InputError: ``src`` cannot be read.
        OutputRefused: ``dst`` cannot be written, or not as this container.
    """
    muxer = muxer_of(dst.suffix)
    count, end = _closed(src, frames)
    with open_clip(src) as source:
        main = edited_stream(source, src.name)
        try:
            with av.open(
                file_url(dst),
                mode="w",
                format=muxer,
                container_options=muxer_options(muxer, source, main, source.metadata),
            ) as out:
                out.metadata.update(copied_metadata(source))
                targets: dict[int, Stream] = {}
                for stream in source.streams:
                    if is_made_anew(stream, source):
                        continue
                    targets[stream.index] = added = add_copied(out, stream, dst.suffix)
                    if isinstance(added, VideoStream):
                        added.set_display_matrix(matrix_of(src, stream.index))
                out.start_encoding()
                for packet in _copied(source, main, targets, count, end):
                    out.mux_one(packet)
        except (av.error.FFmpegError, OSError, ValueError) as error:
            raise OutputRefused(f"{dst.name} cannot be written: {reason(error)}") from error
    return count


def _closed(src: Path, frames: int) -> tuple[int, Fraction]:
    """How many leading packets are exactly the first frames shown, and where the last one ends."""
    with open_clip(src) as source:
        stream = edited_stream(source, src.name)
        packets = [
            (p.pts, p.duration or 0)
            for p in source.demux(stream)
            if p.size and p.pts is not None and not p.is_discard
        ]
        base = stream.time_base or Fraction(1, av.time_base)
    shown = sorted(packets)
    for count in range(min(frames, len(packets)), 0, -1):
        if sorted(packets[:count]) == shown[:count]:
            pts, duration = shown[count - 1]
            return count, (pts + duration) * base
    raise OutputRefused(f"{src.name} has no frame to cut")


def _copied(
    source: InputContainer,
    main: VideoStream,
    targets: dict[int, Stream],
    count: int,
    end: Fraction,
) -> Iterator["Packet[Stream]"]:
    taken = 0
    streams = [s for s in source.streams if s.index in targets and s.type != "attachment"]
    for packet in source.demux(streams):
        if not packet.size and packet.pts is None:
            continue  # the end of the stream
        if packet.stream_index == main.index:
            if taken == count:
                continue
            taken += not packet.is_discard
        elif time_of(packet) >= end:
            continue
        packet.stream = targets[packet.stream_index]
        yield packet
