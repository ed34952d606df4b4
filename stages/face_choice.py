"""Which faces are edited: the grammar of ``--face``."""

import re

import numpy as np

from pipeline.failure import NothingToEdit, UsageError
from stages.artifacts import Shots, Tracks

_FORMS = "largest, all or track:N, or several of them with commas"


def check_choice(text: str) -> str:
    """The text itself. Raises UsageError unless it is a selector that we can follow."""
    for part in text.split(","):
        if part.startswith("like:"):
            raise UsageError(
                f"--face {part}: choosing by a photograph is not built yet; use {_FORMS}"
            )
        if part not in ("largest", "all") and not re.fullmatch(r"track:\d{1,6}", part):
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
    if not first_frames:
        raise NothingToEdit("no face was found in this clip")
    shot_of = {i: _shot(frame, shots) for i, frame in first_frames.items()}
    return sorted({i for part in text.split(",") for i in _chosen(part, shot_of)})


def _chosen(part: str, shot_of: dict[int, int]) -> list[int]:
    """The ids that one selector means. ``shot_of``: the shot of every track."""
    ids = sorted(shot_of)
    if part == "all":
        return ids
    if part == "largest":
        return [i for i in ids if i == min(j for j in ids if shot_of[j] == shot_of[i])]
    wanted = int(part.removeprefix("track:"))
    if wanted not in ids:
        known = f"tracks 0 to {ids[-1]}" if len(ids) > 1 else "track 0 only"
        raise NothingToEdit(f"{part}: there is no such face; this clip has {known}")
    return [wanted]


def _shot(frame: int, shots: Shots) -> int:
    return next(i for i, (first, last) in enumerate(shots.ranges) if first <= frame < last)
