"""Which faces are edited: the grammar of ``--face``."""

import re

import numpy as np

from pipeline.failure import NothingToEdit, UsageError
from stages.artifacts import Shots, Tracks

_FORMS = "largest, all or track:N"


def check_choice(text: str) -> str:
    """The text itself. Raises UsageError unless it is a selector that we can follow."""
    if text.startswith("like:"):
        raise UsageError(f"--face {text}: choosing by a photograph is not built yet; use {_FORMS}")
    if text not in ("largest", "all") and not re.fullmatch(r"track:\d{1,6}", text):
        raise UsageError(f"--face {text!r} is not a face selector; use {_FORMS}")
    return text


def chosen_tracks(text: str, tracks: Tracks, shots: Shots) -> list[int]:
    """Ids of the tracks that the selector means, in order.

    "largest" is the largest face of every shot: a track ends at a cut, the person goes on.

    Raises:
        NothingToEdit: there is no track at all, or not the one that is named.
    """
    values, first_rows = np.unique(tracks.track, return_index=True)
    first_frames = dict(zip(values.tolist(), tracks.frame[first_rows].tolist(), strict=True))
    ids = sorted(first_frames)
    if not ids:
        raise NothingToEdit("no face was found in this clip")
    if text == "all":
        return ids
    if text == "largest":
        shot_of = {i: _shot(first_frames[i], shots) for i in ids}
        return [i for i in ids if i == min(j for j in ids if shot_of[j] == shot_of[i])]
    wanted = int(text.removeprefix("track:"))
    if wanted not in ids:
        known = f"tracks 0 to {ids[-1]}" if len(ids) > 1 else "track 0 only"
        raise NothingToEdit(f"--face {text}: there is no such face; this clip has {known}")
    return [wanted]


def _shot(frame: int, shots: Shots) -> int:
    return next(i for i, (first, last) in enumerate(shots.ranges) if first <= frame < last)
