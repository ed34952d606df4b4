"""Stage: the crops of every edited face, window by window."""

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Alignment, SourceClip, Video
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

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    span: int = Field(default=8, ge=2)
    """Frames from one shared frame to the next."""

    def run(
        self, clip: SourceClip, video: Video, alignment: Alignment, context: Context
    ) -> Iterator[AlignedFaces]:
        total, done = int((alignment.weight > 0).sum()), 0
        for first, last in runs(alignment):
            crops: list[np.ndarray] = []
            start = first
            frames = read_planes(
                clip.path,
                video,
                int(alignment.frame[first]),
                int(alignment.frame[last - 1]) + 1,
                threads=context.threads,
            )
            for row, frame in zip(range(first, last), frames, strict=True):
                crops.append(crop(frame.rgb(), alignment.quad[row], CROP))
                done += 1
                # The last window takes what is left rather than leaving a single frame over.
                if (len(crops) == self.span + 1 and row + 1 < last) or row + 1 == last:
                    yield AlignedFaces(
                        track=int(alignment.track[start]),
                        row=start,
                        frame=alignment.frame[start : row + 1],
                        joins_next=row + 1 < last,
                        crops=np.stack(crops),
                    )
                    crops, start = crops[-1:], row
                    context.progress(done, total)
