"""Stages: a photograph as a clip of one frame, so that it goes through all that a clip does."""

from fractions import Fraction
from typing import ClassVar

import av
from av.video.reformatter import ColorRange, Colorspace
from pydantic import Field

from pipeline.failure import OutputRefused
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import SourceClip, Video
from stages.check_output import OutputPlan
from stages.media.limits import Limits
from stages.media.photo import FORMATS, open_photo, upright


class PhotoAsClip(Stage):
    """One frame, upright, full range, no chroma subsampled, without loss but for rounding."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    limits: Limits = Field(default=Limits(), exclude=True)
    """What is refused as too big."""

    def run(self, photo: SourceClip, context: Context) -> SourceClip:
        """Raises InputError: it cannot be read, is too big, or of a kind we would get wrong."""
        pixels = upright(open_photo(photo.path, self.limits))
        file = context.scratch / "photo.mkv"
        frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(
            format="yuv444p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.JPEG
        )
        with av.open(str(file), "w", format="matroska") as out:
            stream = out.add_stream("ffv1", rate=25)
            stream.width, stream.height = frame.width, frame.height
            stream.pix_fmt = "yuv444p"
            stream.codec_context.color_range = ColorRange.JPEG
            stream.codec_context.colorspace = Colorspace.ITU709
            frame.pts, frame.time_base = 0, Fraction(1, 25)
            out.mux([*stream.encode(frame), *stream.encode(None)])
        return SourceClip(path=file, sha256=photo.sha256)


class CheckPhotoOutput(Stage):
    """Whether the output's name is that of a photo."""

    resources: ClassVar[Resources] = Resources(cpus=1)

    suffix: str
    """Of the output."""

    def run(self, clip: SourceClip, video: Video, context: Context) -> OutputPlan:
        """Raises OutputRefused: it is not."""
        if self.suffix not in FORMATS:
            known = ", ".join(FORMATS)
            raise OutputRefused(
                f"A photo cannot be written as {self.suffix or 'a file without extension'}: "
                f"{known} can be."
            )
        return OutputPlan(FORMATS[self.suffix])
