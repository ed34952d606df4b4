"""Encode planes with the source's own times, tags and shape into a file of one video stream."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.failure import OutputRefused
from stages.artifacts import Video
from stages.media.chroma_location import NAMES
from stages.media.durations import ClosingDuration
from stages.media.encoders import choose_encoder, encoder_options, encoder_pix_fmt
from stages.media.open import file_url, reason
from stages.media.planes import Planes

# Encoders with frame threads give other bytes for other thread counts, so the count is fixed.
_THREADS: Final = 4


class VideoWriter:
    """Encoder and temporary file. Use it as a context; frames are written in order.

    The file is MP4, whose track time scale holds any time base exactly (Matroska's milliseconds
    would not). It carries no other stream, no rotation and no metadata: ``mux`` adds them.
    """

    def __init__(
        self,
        path: Path,
        video: Video,
        codec: str | None = None,
        crf: int | None = None,
        preset: str | None = None,
    ) -> None:
        """Open the encoder.

        Args:
            path: of the temporary file, in the destination's folder; overwritten.
            video: what is written; every one of its frames must be handed over.
            codec: see ``choose_encoder``.
            crf: of the encoder's own scale; None for near-transparent.
            preset: of libx264, libx265 or libsvtav1; None for ours.

        Raises:
            UsageError: unknown codec, or CRF out of range.
            OutputRefused: no encoder for these pictures, or the file cannot be written.
        """
        self.encoder = choose_encoder(video, codec)
        options = encoder_options(self.encoder, crf, preset, video.bit_depth)
        if video.colour.chroma_location and "420" in video.pix_fmt:
            options["chroma_sample_location"] = NAMES[video.colour.chroma_location]
        self._video = video
        self._next = 0
        steps = np.diff(video.pts)
        last = int(np.median(steps)) if len(steps) else _one_frame(video)
        self._durations = dict(
            zip(video.pts.tolist(), [*steps.tolist(), max(1, last)], strict=True)
        )
        self._closing = ClosingDuration(int(video.pts[-1]) + max(1, last))
        try:
            self._out = av.open(
                file_url(path),
                mode="w",
                format="mp4",
                container_options={
                    "video_track_timescale": str(video.time_base.denominator),
                    # A start offset is an edit in this scale; the default is milliseconds.
                    "movie_timescale": str(video.time_base.denominator),
                    "avoid_negative_ts": "disabled",
                },
            )
            self._stream = self._add_stream(options)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputRefused(f"{path} cannot be written: {reason(error)}") from error

    def _add_stream(self, options: dict[str, str]) -> VideoStream:
        video = self._video
        stream = self._out.add_stream(self.encoder.name, rate=video.frame_rate, options=options)
        if not isinstance(stream, VideoStream):
            raise TypeError(f"{self.encoder.name} is not a video encoder")
        context = stream.codec_context
        context.width, context.height = video.width, video.height
        context.pix_fmt = encoder_pix_fmt(video)
        context.time_base = stream.time_base = video.time_base
        context.thread_count = _THREADS
        if video.sample_aspect_ratio != 1:
            context.sample_aspect_ratio = video.sample_aspect_ratio
        colour = video.colour
        context.color_primaries = colour.primaries
        context.color_trc = colour.transfer
        context.colorspace = colour.matrix
        context.color_range = 2 if video.working_range == "full" else colour.range
        if self.encoder.codec == "hevc":
            context.codec_tag = "hvc1"  # Apple's players refuse FFmpeg's default, hev1
        return stream

    def write(self, planes: Planes) -> None:
        """Encode the next frame.

        Args:
            planes: Y, Cb, Cr in coded orientation, of the source's format.

        Raises:
            OutputRefused: the disk is full, or the encoder fails.
        """
        video = self._video
        picture = VideoFrame(video.width, video.height, encoder_pix_fmt(video))
        for target, samples in zip(picture.planes, planes, strict=True):
            if samples.shape != (target.height, target.width):
                raise ValueError(f"plane {samples.shape} for {target.height}x{target.width}")
            rows = np.frombuffer(target, samples.dtype)  # type: ignore[call-overload]
            rows.reshape(target.height, -1)[:, : target.width] = samples
        picture.pts = int(video.pts[self._next])
        picture.time_base = video.time_base
        self._next += 1
        self._mux(self._closing.pass_on(self._timed(self._stream.encode(picture))))

    def close(self) -> None:
        """Flush the encoder and finish the file."""
        if self._next != self._video.frames:
            raise ValueError(f"{self._next} of {self._video.frames} frames were written")
        self._mux(self._closing.pass_on(self._timed(self._stream.encode(None))))
        self._mux(self._closing.last())
        self._out.close()

    def _timed(self, packets: list["Packet[VideoStream]"]) -> Iterator["Packet[VideoStream]"]:
        """Give each packet the time to the next picture; encoders leave it out."""
        for packet in packets:
            if packet.pts is None or packet.time_base != self._video.time_base:
                raise OutputRefused(f"{self.encoder.name} lost the time of a frame")
            packet.duration = self._durations[packet.pts]
            yield packet

    def _mux(self, packets: Iterable["Packet[VideoStream]"]) -> None:
        try:
            for packet in packets:
                self._out.mux_one(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputRefused(f"encoding failed: {reason(error)}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self._out.close()


def _one_frame(video: Video) -> int:
    """Duration of a frame at the average rate, in time base units."""
    return round(1 / (video.frame_rate * video.time_base))
