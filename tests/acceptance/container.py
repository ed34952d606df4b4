"""What a file holds, read with PyAV and none of the product's own code."""

import hashlib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tests.acceptance.lines import Sheet


@dataclass(frozen=True)
class Track:
    """A stream that is copied. ``hashes``: sha256 of each packet's payload, in file order."""

    kind: str
    codec: str
    language: str
    hashes: tuple[str, ...]
    times: tuple[Fraction, ...]


@dataclass(frozen=True)
class File:
    """``upright``: (width, height) as seen. ``times``: of the decoded frames, in seconds."""

    upright: tuple[int, int]
    pix_fmt: str
    colour: tuple[int, ...]
    sample_aspect: Fraction
    times: tuple[Fraction, ...]
    video_bytes: int
    duration: Fraction
    tracks: tuple[Track, ...]


def read(path: Path) -> File:
    """Demux everything, decode the first video stream."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        others = [s for s in container.streams if s.index != video.index and s.type != "video"]
        packets: dict[int, list] = {s.index: [] for s in container.streams}
        frames, size = [], 0
        turn = 0
        for packet in container.demux():
            if packet.stream.index == video.index:
                size += packet.size
                for frame in packet.decode():
                    frames.append(Fraction(frame.pts) * frame.time_base)
                    turn = frame.rotation
            elif packet.size:
                when = Fraction(packet.pts or 0) * packet.stream.time_base
                packets[packet.stream.index].append((when, hashlib.sha256(bytes(packet))))
        context = video.codec_context
        tags = (context.color_primaries, context.color_trc, context.colorspace, context.color_range)
        width, height = context.width, context.height
        return File(
            upright=(height, width) if turn % 180 else (width, height),
            pix_fmt=context.pix_fmt,
            colour=tuple(int(tag) for tag in tags),
            sample_aspect=Fraction(video.sample_aspect_ratio or 1),
            times=tuple(frames),
            video_bytes=size,
            duration=Fraction(container.duration or 0, av.time_base),
            tracks=tuple(_track(stream, packets[stream.index]) for stream in others),
        )


def compare(source: File, result: File, sheet: Sheet, prefix: str = "") -> None:
    """Lines on counts, times, size, colour, copied packets, duration and bytes."""
    sheet.equal(prefix + "frames", len(result.times), len(source.times))
    sheet.equal(prefix + "size as seen", result.upright, source.upright)
    late = [i for i, (a, b) in enumerate(zip(source.times, result.times, strict=False)) if a != b]
    same = not late and len(source.times) == len(result.times)
    first = f"first differs at frame {late[0]}" if late else ""
    sheet.put(prefix + "pts equal as rationals", str(same), "= True", same, first)
    sheet.equal(prefix + "colour tags (prim, trc, matrix, range)", result.colour, source.colour)
    sheet.equal(prefix + "sample aspect ratio", result.sample_aspect, source.sample_aspect)
    sheet.equal(prefix + "pixel format", result.pix_fmt, source.pix_fmt)
    ours = [(t.kind, t.codec, t.hashes) for t in result.tracks]
    theirs = [(t.kind, t.codec, t.hashes) for t in source.tracks]
    told = " ".join(f"{t.kind}:{len(t.hashes)}" for t in source.tracks) or "no other streams"
    sheet.put(prefix + "copied packets sha256", str(ours == theirs), "= True", ours == theirs, told)
    gap = max(
        (
            abs(a - b)
            for x, y in zip(source.tracks, result.tracks, strict=False)
            for a, b in zip(x.times, y.times, strict=False)
        ),
        default=Fraction(0),
    )
    sheet.at_most(prefix + "copied packets' times off by", float(gap) * 1000, 1, " ms")
    languages = [t.language for t in source.tracks]
    sheet.equal(prefix + "languages", [t.language for t in result.tracks], languages)
    off = abs(float(result.duration - source.duration)) * 1000
    sheet.at_most(prefix + "duration off by", off, 1, " ms")
    ratio = result.video_bytes / source.video_bytes
    sheet.at_most(prefix + "video bytes / source's", ratio, 2.5)


def _track(stream: av.stream.Stream, packets: list) -> Track:
    return Track(
        kind=stream.type,
        codec=stream.codec_context.name if stream.codec_context else "",
        language=stream.metadata.get("language", "und"),
        hashes=tuple(digest.hexdigest() for _, digest in packets),
        times=tuple(when for when, _ in packets),
    )
