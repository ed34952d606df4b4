"""Stage: what the face of a reference clip does, as differences of its codes.

"From Continuity to Editability" (ICCV 2021), section 4.5: the steps that a joint inversion learns
say how its frames differ, and can be given to another face.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, I64, Alignment, Tracks, Video
from stages.code_path import CodePath
from stages.crop_faces import runs
from stages.face_motion import MEASURES, measured
from stages.inversion_artifacts import Latents
from stages.motion_file import Motion, MotionHeader, Moves, write_motion


class LearnMotion(Stage):
    """The longest stretch in which one face is seen without a gap."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1)

    generator: str
    """Name of the generator that the codes are of."""
    rows: tuple[int, ...]
    """Rows of W+ that act."""
    smoothing: float = Field(default=0.02, ge=0)
    """Sigma in seconds of the smoothing of codes over time: a mouth opens and closes in 0.2 s."""
    made_by: str = "pipeline run --transfer"
    """The command that the file names."""

    def run(
        self,
        latents: list[Latents],
        alignment: Alignment,
        tracks: Tracks,
        video: Video,
        context: Context,
    ) -> Motion:
        """Raises NothingToEdit: no face is seen in two frames that follow each other."""
        first, last = max(runs(alignment), key=lambda run: run[1] - run[0], default=(0, 0))
        if last - first < 2:
            raise NothingToEdit(
                "a face is seen in one frame at a time only, and motion needs two that follow "
                "each other"
            )
        rows = list(range(first, last))
        codes = CodePath(latents, alignment, video, self.smoothing).codes(rows)[:, list(self.rows)]
        seconds = video.seconds[alignment.frame[rows]]
        header = MotionHeader(
            generator=self.generator,
            rows=self.rows,
            style_dim=codes.shape[2],
            measures=tuple(MEASURES),
            smoothing=self.smoothing,
            made_by=self.made_by,
        )
        moves = Moves(
            header=header,
            seconds=seconds - seconds[0],
            codes=codes - codes[:1],
            measures=measured(meshes(alignment, tracks, np.array(rows))),
        )
        return write_motion(context.scratch / "motion.safetensors", moves)


def meshes(alignment: Alignment, tracks: Tracks, rows: I64) -> F32:
    """(n, 468, 2) landmarks of these rows of the alignment."""
    known = zip(tracks.track.tolist(), tracks.frame.tolist(), strict=True)
    place = {key: i for i, key in enumerate(known)}
    keys = zip(alignment.track[rows].tolist(), alignment.frame[rows].tolist(), strict=True)
    return np.asarray(tracks.landmarks[[place[key] for key in keys]], np.float32)
