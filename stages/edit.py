"""Stage: the edits that were asked for, frame by frame and face by face, as offsets in W+.

``w' = w + sum of k_j(t) * u_j`` on the rows where each direction acts (InterFaceGAN's edit, papers
002 to 004), with k in standard deviations and u the steps of ``edit_steps``.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
from pydantic import field_validator

from pipeline.failure import UsageError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, Alignment, Likeness, Shots, Tracks, Video
from stages.direction_file import DirectionHeader
from stages.edit_artifacts import Direction, Edits
from stages.edit_steps import KnownDirection, steps_of
from stages.edit_text import Edit, parse_edits, refuse_too_much
from stages.face_choice import check_choice, chosen_tracks
from stages.media.mux import time_shift


class ComposeEdits(Stage):
    """Puts the asked edits together. A direction for another generator is refused."""

    version: ClassVar[int] = 4
    resources: ClassVar[Resources] = Resources(cpus=1)

    edits: tuple[str, ...]
    """NAME=STRENGTH each, see ``edit_text``."""
    face: str = "largest"
    """Whom edits without a track of their own are for."""
    generator: str
    """Name of the generator that will render."""
    rows: int
    """Rows of its W+."""

    @field_validator("edits")
    @classmethod
    def _parse(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_edits(texts)
        return texts

    @field_validator("face")
    @classmethod
    def _selector(cls, text: str) -> str:
        return check_choice(text, photographs=True)

    def run(
        self,
        directions: list[Direction],
        tracks: Tracks,
        shots: Shots,
        video: Video,
        alignment: Alignment,
        context: Context,
        likeness: Likeness | None = None,
    ) -> Edits:
        edits = parse_edits(self.edits)
        if not edits:
            raise UsageError("No edit was given: --edit age=+2.")
        known = {each.name: KnownDirection.read(each) for each in directions}
        for edit in edits:
            self._fits(known[edit.name].header)
        common: list[int] = []
        if any(edit.track is None for edit in edits):
            common = chosen_tracks(self.face, tracks, shots, likeness)
        meant = {
            track: [e for e in edits if e.track == track or (e.track is None and track in common)]
            for track in np.unique(alignment.track).tolist()
        }
        times = video.seconds[alignment.frame] - float(time_shift(video))
        names: list[str] = []
        steps: list[F32] = []
        strengths: list[F64] = []
        # Tracks with the same attributes share their steps.
        for group in dict.fromkeys(_names(own) for own in meant.values()):
            found = steps_of([known[name] for name in group], self.rows)
            for name, sides in zip(group, found, strict=True):
                strength = np.zeros(len(times))
                for track, own in meant.items():
                    if _names(own) == group:
                        here = alignment.track == track
                        strength[here] = asked(own, known[name].header, times[here])
                parts = [strength] if len(sides) == 1 else [strength.clip(0), strength.clip(max=0)]
                names += [name] * len(sides)
                steps += sides
                strengths += parts
        return Edits(
            text=", ".join(self.edits),
            names=tuple(names),
            steps=np.stack(steps).astype(np.float32),
            strengths=np.stack(strengths, axis=1).astype(np.float32),
        )

    def _fits(self, header: DirectionHeader) -> None:
        if header.generator != self.generator:
            raise UsageError(
                f"The direction {header.name} belongs to the generator {header.generator}; "
                f"this run renders with {self.generator}."
            )
        if not set(header.rows) <= set(range(self.rows)):
            raise UsageError(f"The direction {header.name} acts on rows the generator lacks.")


def asked(edits: Sequence[Edit], header: DirectionHeader, times: F64) -> F64:
    """(n,) standard deviations of one attribute at these seconds: the sum over edits of its name.

    Raises:
        UsageError: together they are beyond what any face can bear, or years or
            degrees of what has none.
    """
    curves = [edit.at(times, header) for edit in edits if edit.name == header.name]
    summed = np.sum(curves, axis=0)
    if len(summed):
        refuse_too_much(header.name, float(summed[np.abs(summed).argmax()]))
    return np.asarray(summed, np.float64)


def check_edits(edits: Sequence[Edit], known: Mapping[str, KnownDirection], rows: int) -> None:
    """What can be refused before any clip is read.

    Raises:
        UsageError: see ``asked`` and ``edit_steps.steps_of``.
    """
    for track in dict.fromkeys(edit.track for edit in edits):
        own = [edit for edit in edits if edit.track == track]
        # What is straight in between is largest at a keyframe.
        times = np.array([key.seconds for edit in own for key in edit.keys])
        for name in _names(own):
            asked(own, known[name].header, times)
        steps_of([known[name] for name in _names(own)], rows)


def faces_of(edits: Sequence[Edit], face: str) -> str:
    """Whose faces are edited, in the grammar of ``--face``: its own, where an edit is for them, and
    every track that an edit names."""
    tracks = sorted({edit.track for edit in edits if edit.track is not None})
    own = [face] if any(edit.track is None for edit in edits) or not edits else []
    return ",".join([*own, *(f"track:{track}" for track in tracks)])


def _names(edits: Sequence[Edit]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(edit.name for edit in edits))
