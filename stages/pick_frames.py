"""Stages: a few moments of a clip instead of all of it, for a look.

A moment is a frame with its nearest neighbours, so that the face's crop is smoothed in it nearly as
in a whole run. What lies between moments is never looked at: ``Video`` lists the frames that are
wanted, and the reader skips what is not listed.
"""

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import InputError, NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F64, I32, Alignment, Faces, Shots, Video

TIMES = tuple[Annotated[float, Field(ge=0)], ...]


class PickFrames(Stage):
    """Leaves the frames of the moments only."""

    resources: ClassVar[Resources] = Resources(cpus=1)

    frames: int = Field(default=3, ge=1)
    """Moments at even distances, where no times are named."""
    at: TIMES = ()
    """Seconds of the clip's own time stamps."""
    around: float = Field(default=0.12, ge=0)
    """Seconds of neighbours on each side."""

    def run(self, video: Video, context: Context) -> Video:
        """Raises InputError: a time is not within the clip."""
        seconds = video.seconds
        wanted = np.zeros(video.frames, bool)
        for middle in moments(seconds, self.frames, self.at):
            wanted |= np.abs(seconds - seconds[middle]) <= self.around + 1e-6
        return replace(video, pts=np.ascontiguousarray(video.pts[wanted]))


class MomentsAsShots(Stage):
    """Each stretch of neighbouring frames as a shot of its own: no face is followed over a gap."""

    resources: ClassVar[Resources] = Resources(cpus=1)

    def run(self, whole: Video, video: Video, faces: Faces, context: Context) -> Shots:
        """Raises NothingToEdit: there is no face in any frame that was looked at."""
        if not len(faces.frame):
            raise NothingToEdit(
                f"No face was found in the {video.frames} frames looked at; name another time "
                "with --at."
            )
        places = np.searchsorted(whole.pts, video.pts)
        cuts = np.flatnonzero(np.diff(places) != 1) + 1
        edges = np.concatenate([[0], cuts, [video.frames]])
        return Shots(np.stack([edges[:-1], edges[1:]], axis=1).astype(np.int32))


class PickRows(Stage):
    """The rows of an alignment that are shown: each moment's own frame."""

    resources: ClassVar[Resources] = Resources(cpus=1)

    frames: int = Field(default=3, ge=1)
    """As in ``PickFrames``."""
    at: TIMES = ()
    """As in ``PickFrames``."""

    def run(self, whole: Video, video: Video, alignment: Alignment, context: Context) -> Alignment:
        """Raises NothingToEdit: no face that is meant is to be seen at any of the moments."""
        chosen = moments(whole.seconds, self.frames, self.at)
        pts = video.pts[alignment.frame]
        rows = np.flatnonzero(np.isin(pts, whole.pts[chosen]) & (alignment.weight > 0))
        if not len(rows):
            times = ", ".join(f"{whole.seconds[i]:.2f}" for i in chosen)
            raise NothingToEdit(
                f"None of the faces that are meant can be edited at {times} s; name another time "
                "with --at."
            )
        return Alignment(
            track=alignment.track[rows],
            frame=alignment.frame[rows],
            quad=alignment.quad[rows],
            outline=alignment.outline[rows],
            weight=alignment.weight[rows],
        )


def moments(seconds: F64, frames: int, at: tuple[float, ...]) -> I32:
    """(m,) frames in order: those nearest to ``at``, or ``frames`` of them at even distances.

    Raises:
        InputError: a time lies before the first frame or after the last by more than a frame.
    """
    if not at:
        share = (np.arange(frames) + 0.5) / frames
        return np.unique((share * len(seconds)).astype(np.int32))
    usual = float(np.median(np.diff(seconds))) if len(seconds) > 1 else 0.04
    for time in at:
        if not seconds[0] - usual <= time <= seconds[-1] + usual:
            raise InputError(
                f"The clip has no frame at {time:g} s: it lasts from {seconds[0]:.2f} to "
                f"{seconds[-1]:.2f} s."
            )
    return np.unique([int(np.abs(seconds - time).argmin()) for time in at]).astype(np.int32)
