"""Which faces are edited: the grammar of ``--face``."""

import re

import numpy as np

from pipeline.face_list import LIKE, photographs_of
from pipeline.failure import NothingToEdit, UsageError
from stages.artifacts import Likeness, Shots, Tracks


def check_choice(text: str, *, photographs: bool = False) -> str:
    """The text itself. Raises UsageError unless it is a selector that we can follow.

    Args:
        photographs: whether ``like:PHOTO`` can be followed too.
    """
    for part in text.split(","):
        if part.startswith(LIKE) and len(part) > len(LIKE):
            if photographs:
                continue
            raise UsageError(f"--face {part}: a face is chosen by a photograph in run and batch.")
        if part not in ("largest", "all") and not re.fullmatch(r"track:\d{1,6}", part):
            forms = (
                "largest, all, track:N or like:PHOTO" if photographs else "largest, all or track:N"
            )
            raise UsageError(
                f"--face {text!r} is not a face selector; use {forms}, or several of them with "
                "commas"
            )
    return text


def chosen_tracks(
    text: str, tracks: Tracks, shots: Shots, likeness: Likeness | None = None
) -> list[int]:
    """Ids of the tracks that the selector means, in order.

    "largest" is the largest face of every shot: a track ends at a cut, the person goes on. "like:"
    is every track of that person; of two that are in one frame, the one that is more alike.

    Args:
        likeness: to the people in the photographs that it names, in their order.

    Raises:
        NothingToEdit: there is no track at all, or not the one that is named.
    """
    values, first_rows = np.unique(tracks.track, return_index=True)
    first_frames = dict(zip(values.tolist(), tracks.frame[first_rows].tolist(), strict=True))
    if not first_frames:
        raise NothingToEdit("no face was found in this clip")
    shot_of = {i: _shot(frame, shots) for i, frame in first_frames.items()}
    chosen: set[int] = set()
    for part in text.split(","):
        if not part.startswith(LIKE):
            chosen.update(_chosen(part, shot_of))
            continue
        assert likeness is not None, part
        column = photographs_of(text).index(part.removeprefix(LIKE))
        chosen.update(_alike(part, likeness, column, tracks))
    return sorted(chosen)


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


def _alike(part: str, likeness: Likeness, column: int, tracks: Tracks) -> list[int]:
    """The ids of one person: nobody is in a frame twice."""
    cosines = dict(zip(likeness.track.tolist(), likeness.cosine[:, column].tolist(), strict=True))
    order = sorted(cosines, key=lambda track: -cosines[track])
    if cosines[order[0]] < likeness.alike:
        raise NothingToEdit(
            f"{part}: no face of this clip is that person's; the most alike, track {order[0]}, has "
            f"a cosine of {cosines[order[0]]:.2f}, and {likeness.alike:g} is asked"
        )
    found: list[int] = []
    taken: set[int] = set()
    for track in order:
        frames = set(tracks.frame[tracks.track == track].tolist())
        if cosines[track] >= likeness.alike and not frames & taken:
            found.append(track)
            taken |= frames
    return found


def _shot(frame: int, shots: Shots) -> int:
    return next(i for i, (first, last) in enumerate(shots.ranges) if first <= frame < last)
