"""First stage: what is in the file, frame by frame, and whether we can keep our promises on it."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from pydantic import Field

from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import I64, Colour, SourceClip, Video
from stages.media.chroma_location import chroma_location
from stages.media.colour import refuse_hdr, working_matrix, working_range
from stages.media.limits import Limits
from stages.media.open import edited_stream, guard_decoder, open_clip, reason
from stages.media.orientation import Rotation, from_display_matrix, matrix_bytes
from stages.media.planes import layout

_PROGRESSIVE = (0, 1)  # AV_FIELD_UNKNOWN, AV_FIELD_PROGRESSIVE


@dataclass
class _Scan:
    """What one pass over the packets and pictures of the edited stream found."""

    pts: list[int] = field(default_factory=list)
    packets: int = 0
    bytes_at: dict[int, int] = field(default_factory=dict)
    rotation: Rotation = 0
    flip: bool = False


class Probe(Stage):
    """Read every frame's time and the properties of the clip, and refuse what would come out wrong.

    The whole stream is decoded once: a packet's pts is not always a picture's (edit lists drop
    pictures, damaged packets give none), and interlacing, size changes and damage show only then.
    Times count from the start of the clip as a player shows it.
    """

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1)

    start: float | None = Field(default=None, ge=0)
    """Seconds from the start of the clip; frames before it are left out."""
    end: float | None = Field(default=None, gt=0)
    """Seconds from the start of the clip; frames at or after it are left out."""
    limits: Limits = Field(default=Limits(), exclude=True)
    """What is refused as too big."""

    def run(self, clip: SourceClip, context: Context) -> Video:
        """Probe ``clip``.

        Raises:
            InputError: unreadable, damaged, over a limit, or of a kind that we would get wrong.
        """
        name = clip.path.name
        with open_clip(clip.path, self.limits) as container:
            stream = edited_stream(container, name)
            guard_decoder(stream, self.limits.max_pixels, context.threads)
            pix_fmt = stream.codec_context.pix_fmt or "unknown"
            colour = _colour(stream, chroma_location(clip.path, stream.index))
            matrix = working_matrix(colour, stream.codec_context.height)
            refuse_hdr(colour)
            depth = layout(pix_fmt, colour.chroma_location).bit_depth
            if stream.codec_context.field_order not in _PROGRESSIVE:
                raise _interlaced(name)
            scan = self._scan(container, stream, name, context)
            time_base = stream.time_base or Fraction(1, av.time_base)
            first, last = self._range(scan, container, time_base, name)
            pts = np.array(scan.pts[first:last], dtype=np.int64)
            return Video(
                container=container.format.name,
                codec=stream.codec_context.codec.canonical_name,
                pix_fmt=pix_fmt,
                bit_depth=depth,
                width=stream.codec_context.width,
                height=stream.codec_context.height,
                rotation=scan.rotation,
                flip=scan.flip,
                sample_aspect_ratio=stream.sample_aspect_ratio or Fraction(1),
                time_base=time_base,
                frame_rate=_rate(stream, pts, time_base),
                colour=colour,
                working_matrix=matrix,
                working_range=working_range(colour, pix_fmt),
                stream_index=stream.index,
                first_frame=first,
                video_bytes=sum(scan.bytes_at.get(int(p), 0) for p in pts),
                pts=pts,
            )

    def _scan(
        self, container: InputContainer, stream: VideoStream, name: str, context: Context
    ) -> _Scan:
        scan = _Scan()
        size = (stream.codec_context.width, stream.codec_context.height)
        pix_fmt = stream.codec_context.pix_fmt
        try:
            for packet in container.demux(stream):
                scan.packets += packet.size > 0
                if packet.pts is not None and packet.size:
                    scan.bytes_at[packet.pts] = scan.bytes_at.get(packet.pts, 0) + packet.size
                for picture in packet.decode():
                    n = len(scan.pts)
                    if n == self.limits.max_frames:
                        raise InputError(f"{name} has more than {n} frames, which is the limit")
                    if n == 0:
                        scan.rotation, scan.flip = _orientation(picture)
                    elif (picture.width, picture.height, picture.format.name) != (*size, pix_fmt):
                        raise InputError(
                            f"{name} changes from {size[0]}x{size[1]} {pix_fmt} to "
                            f"{picture.width}x{picture.height} {picture.format.name} "
                            f"at frame {n}; only clips of one size and format are supported"
                        )
                    if picture.interlaced_frame:
                        raise _interlaced(name)
                    if picture.is_corrupt:
                        raise InputError(f"{name} is damaged: frame {n} cannot be decoded whole")
                    if picture.pts is None:
                        raise InputError(f"{name}: frame {n} has no time stamp")
                    scan.pts.append(picture.pts)
                    if n % 50 == 0:
                        context.progress(n, stream.frames)
        except av.error.FFmpegError as error:
            at = float(scan.pts[-1] * (stream.time_base or 0)) if scan.pts else 0.0
            raise InputError(
                f"{name} is damaged: decoding stops after {len(scan.pts)} frames, at {at:.3f} s "
                f"({reason(error)})"
            ) from error
        _check_whole(scan, container, stream, name)
        _check_times(scan, stream, name)
        return scan

    def _range(
        self, scan: _Scan, container: InputContainer, time_base: Fraction, name: str
    ) -> tuple[int, int]:
        """[first, last) of the frames with start <= time < end."""
        zero = Fraction(container.start_time or 0, av.time_base)
        times = [float(p * time_base - zero) for p in scan.pts]
        # A microsecond is FFmpeg's own resolution of a clip's start.
        low = -np.inf if self.start is None else self.start - 1e-6
        high = np.inf if self.end is None else self.end - 1e-6
        kept = [i for i, t in enumerate(times) if low <= t < high]
        if not kept:
            raise InputError(
                f"{name} has no frame from {self.start or 0:g} s to "
                f"{'its end' if self.end is None else f'{self.end:g} s'}; "
                f"its frames lie from {times[0]:.3f} s to {times[-1]:.3f} s"
            )
        return kept[0], kept[-1] + 1


def _check_whole(scan: _Scan, container: InputContainer, stream: VideoStream, name: str) -> None:
    """A file that was cut off ends without an error; its index still lists what is missing."""
    if not container.format.name.startswith("mov"):
        return
    listed = len(stream.index_entries)
    if scan.packets < listed:
        raise InputError(
            f"{name} is damaged: {listed - scan.packets} of its {listed} pictures are missing"
        )


def _check_times(scan: _Scan, stream: VideoStream, name: str) -> None:
    if not scan.pts:
        raise InputError(f"{name}: its video stream has no frames that can be decoded")
    for n, (before, after) in enumerate(pairwise(scan.pts)):
        if after <= before:
            raise InputError(
                f"{name}: the time stamp of frame {n + 1} ({after}) does not come after that of "
                f"frame {n} ({before}), in units of {stream.time_base} s"
            )


def _interlaced(name: str) -> InputError:
    return InputError(f"{name} is interlaced; only progressive video is supported")


def _colour(stream: VideoStream, location: int) -> Colour:
    found = stream.codec_context
    return Colour(
        primaries=int(found.color_primaries),
        transfer=int(found.color_trc),
        matrix=int(found.colorspace),
        range=int(found.color_range),
        chroma_location=location,
    )


def _orientation(picture: VideoFrame) -> tuple[Rotation, bool]:
    data = matrix_bytes(picture)
    return (0, False) if data is None else from_display_matrix(data)


def _rate(stream: VideoStream, pts: I64, time_base: Fraction) -> Fraction:
    """Frames per second on average: a hint for encoders, never used for time."""
    if stream.average_rate:
        return stream.average_rate
    if len(pts) > 1:
        return (len(pts) - 1) / (int(pts[-1] - pts[0]) * time_base)
    return Fraction(25)
