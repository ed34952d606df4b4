"""Edited faces in, patches that are steady over time out, some frames later."""

from collections import deque
from collections.abc import Iterator

from stages.artifacts import Alignment
from stages.composite import Patch
from stages.edited_faces import EditedFace, Place
from stages.media.reader import Frame
from stages.steady import SourceMotion, SteadyAhead, SteadyChange, SteadyFlow


class Steadied:
    """The filters of one run, one after the other."""

    def __init__(
        self, registration_share: float, flow_share: float, share: float, ahead: int
    ) -> None:
        """The shares of both ``SteadyFlow`` and of ``SteadyChange``; frames of ``SteadyAhead``."""
        self._motion = SourceMotion() if share else None
        self._registration = SteadyFlow(registration_share)
        self._flow = SteadyFlow(flow_share)
        self._change = SteadyChange(share)
        self._people = SteadyChange(share)
        self._ahead: SteadyAhead[Place] = SteadyAhead(share if ahead else 0, ahead)

    def __call__(self, face: EditedFace, *, last: bool) -> list[tuple[int, Patch]]:
        """Patches that are final, with their frames, in order of frames of this track.

        Args:
            face: the next frame's of its track.
            last: none of that track follows.
        """
        along = self._motion and self._motion(face.track, face.frame, face.source)
        back, forth = along or (None, None)
        change = face.change(self._registration, self._flow, self._change, back)
        varies = face.held is not None
        people = face.mattes(change)
        if people is not None:
            # Not carried on where the strength varies: no edit must have nobody gone.
            people = self._people(face.track, people, None if varies else back)
        place = face.place(people)
        done = self._ahead(face.track, change, place, None if varies else forth, last=last)
        return [(where.frame, where.patch(found)) for where, found in done]


class FrameLine:
    """Frames in order, each held back until it has all of its patches."""

    def __init__(self, rows_of: dict[int, list[int]]) -> None:
        """``rows_of``: rows of the alignment by frame, one for each face that is edited in it."""
        self._rows_of = rows_of
        self._frames: deque[Frame] = deque()
        self._patches: dict[int, list[Patch]] = {}

    def add(self, frames: list[Frame]) -> None:
        """The next frames, in order."""
        self._frames.extend(frames)

    def give(self, frame: int, patch: Patch) -> None:
        """A patch of one of them."""
        self._patches.setdefault(frame, []).append(patch)

    def whole(self) -> Iterator[tuple[Frame, list[Patch]]]:
        """Frames that wait for nothing, taken out of the line."""
        while self._frames:
            index = self._frames[0].index
            found = self._patches.get(index, [])
            if len(found) < len(self._rows_of.get(index, ())):
                return
            self._patches.pop(index, None)
            yield self._frames.popleft(), found


def last_rows(alignment: Alignment, rows: list[int]) -> set[int]:
    """Those of the rows that the same face's next frame does not follow."""
    known = set(rows)

    def follows(row: int) -> bool:
        return (
            row + 1 in known
            and alignment.track[row + 1] == alignment.track[row]
            and alignment.frame[row + 1] == alignment.frame[row] + 1
        )

    return {row for row in rows if not follows(row)}
