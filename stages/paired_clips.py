"""Two clips side by side, frame by frame; and the stage that says that they can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from pipeline.artifact import Artifact
from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import U8, SourceClip, Video
from stages.media.reader import read_planes

LEAST_TOLERANCE = 0.0011
"""Seconds: Matroska counts in milliseconds, and rounds."""


@dataclass(frozen=True)
class PairedClips(Artifact):
    """Frame n of the result shows the moment of frame n of the source. Sizes are upright."""

    frames: int
    width: int
    height: int


class PairClips(Stage):
    """Refuses two clips whose frames do not correspond one to one.

    Times count from each clip's first frame, since a part that was cut out begins at 0.
    """

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1)

    def run(
        self,
        clip: SourceClip,
        video: Video,
        result: SourceClip,
        result_video: Video,
        context: Context,
    ) -> PairedClips:
        """Raises InputError for another size, number of frames, or other times."""
        names = f"{result.path.name} and {clip.path.name}"
        if video.upright_size != result_video.upright_size:
            a, b = (f"{w}x{h}" for w, h in (result_video.upright_size, video.upright_size))
            raise InputError(f"{names} have different sizes ({a} and {b}): no pixels correspond.")
        if video.frames != result_video.frames:
            raise InputError(
                f"{names} have {result_video.frames} and {video.frames} frames and cannot show "
                "the same moments (--start and --end choose a part of the source)."
            )
        before, after = (v.seconds - v.seconds[0] for v in (video, result_video))
        steps = np.diff(before)
        tolerance = max(LEAST_TOLERANCE, float(steps.min()) / 10 if len(steps) else 0.0)
        late = np.abs(after - before) > tolerance
        if late.any():
            frame = int(np.argmax(late))
            raise InputError(
                f"{names} show frame {frame} at different times ({after[frame]:.3f} s and "
                f"{before[frame]:.3f} s after their first)."
            )
        return PairedClips(video.frames, *video.upright_size)


@dataclass(frozen=True)
class Pair:
    """A frame of the source and the same moment of the result, (h, w, 3) uint8 RGB, upright."""

    index: int
    seconds: float
    before: U8
    after: U8


def read_pairs(
    source: Path, before: Video, result: Path, after: Video, threads: int = 0
) -> Iterator[Pair]:
    """All frames of both, each clip decoded once. The clips have passed ``PairClips``."""
    seconds = before.seconds
    both = zip(
        read_planes(source, before, threads=threads),
        read_planes(result, after, threads=threads),
        strict=True,
    )
    for a, b in both:
        yield Pair(a.index, float(seconds[a.index]), a.rgb(), b.rgb())
