"""Stage: the crops of every face that are inverted, window by window."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F64, Alignment, Bool, SourceClip, Video
from stages.inversion_artifacts import AlignedFaces
from stages.media.reader import read_planes
from stages.quad import crop

CROP = 256


def runs(alignment: Alignment) -> Iterator[tuple[int, int]]:
    """[first, last) rows that are inverted: one track, consecutive frames, edit not invisible."""
    shown = alignment.weight > 0
    joined = np.zeros(len(shown) + 1, bool)
    joined[1:-1] = (
        (np.diff(alignment.track) == 0) & (np.diff(alignment.frame) == 1) & shown[1:] & shown[:-1]
    )
    first = 0
    for row in range(1, len(shown) + 1):
        if not joined[row]:
            if shown[first]:
                yield first, row
            first = row


class CropFaces(Stage):
    """Cuts runs of a face into windows of ``span`` + 1 crops that share their end frames.

    The clip is decoded once for each run (runs of different faces may overlap in time), so only
    one window is held at a time.
    """

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    span: int = Field(default=8, ge=2)
    """Crops from one shared crop to the next."""
    spacing: float = Field(default=0, ge=0)
    """Seconds that neighbouring crops may lie apart; the frames between are left out. 0: none."""

    def run(
        self, clip: SourceClip, video: Video, alignment: Alignment, context: Context
    ) -> Iterator[AlignedFaces]:
        total, done = int((alignment.weight > 0).sum()), 0
        for first, last in runs(alignment):
            crops: list[np.ndarray] = []
            at: list[int] = []
            chosen = spaced(video.seconds[alignment.frame[first:last]], self.spacing)
            frames = read_planes(
                clip.path,
                video,
                int(alignment.frame[first]),
                int(alignment.frame[last - 1]) + 1,
                threads=context.threads,
            )
            for row, take, frame in zip(range(first, last), chosen, frames, strict=True):
                done += 1
                if not take:
                    continue
                crops.append(crop(frame.rgb(), alignment.quad[row], CROP))
                at.append(int(alignment.frame[row]))
                if len(crops) == self.span + 1 or row + 1 == last:
                    yield AlignedFaces(
                        track=int(alignment.track[row]),
                        frame=np.array(at, np.int32),
                        joins_next=row + 1 < last,
                        crops=np.stack(crops),
                    )
                    crops, at = crops[-1:], at[-1:]
                    context.progress(done, total)


def spaced(seconds: F64, spacing: float) -> Bool:
    """(n,) which of the moments to take: the ends, and as few as are at most ``spacing`` apart."""
    take = np.ones(len(seconds), bool)
    before = 0
    for i in range(1, len(seconds) - 1):
        take[i] = seconds[i + 1] - seconds[before] > spacing + 1e-6
        before = i if take[i] else before
    return take
