"""What a user writes after ``--edit``, as values.

    age=+2                          two standard deviations
    age=+10y                        ten years
    yaw=+15deg                      fifteen degrees
    smile=0@0s,+2@1.5s,0@1:04       keyframes: a strength at a time
    track:1:age=-2                  of one face only

Between keyframes strengths are interpolated linearly, so that halfway in time is halfway in the
edit; before the first and after the last they are held. Times are those of the output clip.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, Self, cast

import numpy as np

from pipeline.edit_list import split_edits
from pipeline.failure import UsageError
from pipeline.options import seconds
from stages.artifacts import F64
from stages.direction_file import DEGREES, DirectionHeader

_EDIT = re.compile(r"(?:track:(\d{1,6}):)?([a-z][a-z0-9_]*)=(.*)")
_STRENGTH = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+))(y|deg|)")
_TIME = re.compile(r"\d+(?:\.\d+)?s|(?:\d+:)?\d{1,2}:\d{1,2}(?:\.\d+)?")
Unit = Literal["", "y", "deg"]
"""Standard deviations, years, degrees."""
LARGEST = 10.0
"""Standard deviations that may be asked for."""
LATEST = 1e6
"""Seconds at which a keyframe may lie."""


@dataclass(frozen=True)
class Strength:
    """``amount`` of ``unit``."""

    amount: float
    unit: Unit = ""

    def sigmas(self, header: DirectionHeader) -> float:
        """The strength in standard deviations of a direction.

        Raises:
            UsageError: years or degrees of something that has none, or beyond what any face can
                bear.
        """
        amount = self.amount
        if self.unit:
            known = header.sigmas_of(amount) if self.unit == "y" else _turned(header, amount)
            if known is None:
                word = "years" if self.unit == "y" else "degrees"
                raise UsageError(
                    f"{header.name} has no {word}: give standard deviations, {header.name}=+2."
                )
            amount = known
        refuse_too_much(header.name, amount)
        return amount


@dataclass(frozen=True)
class Key:
    """A strength at a time of the output clip, in seconds."""

    seconds: float
    strength: Strength


@dataclass(frozen=True)
class Edit:
    """``keys``: in order of time; a single one where the strength does not vary.

    ``track``: the only face that is meant, None for all that ``--face`` chooses.
    """

    name: str
    keys: tuple[Key, ...]
    track: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """[track:N:]NAME=STRENGTH or [track:N:]NAME=STRENGTH@TIME,STRENGTH@TIME...

        Raises:
            UsageError: it is not of that form.
        """
        found = _EDIT.fullmatch(text.strip())
        parts = found[3].split(",") if found else []
        if not found or not parts[0]:
            raise _not_an_edit(text)
        track = None if found[1] is None else int(found[1])
        if "@" not in found[3]:
            strength = _strength(parts[0])
            if strength is None:
                raise _not_an_edit(text)
            if len(parts) > 1:
                raise UsageError(
                    f"The edit {text!r} has {len(parts)} strengths: give each its time, such as "
                    f"{found[2]}=0@0s,+2@1.5s."
                )
            return cls(found[2], (Key(0.0, strength),), track)
        keys = tuple(_key(found[2], part.strip()) for part in parts)
        for one, two in pairwise(keys):
            if two.seconds <= one.seconds:
                raise UsageError(
                    f"The keyframes of {found[2]} are not in order of time: {two.seconds:g} s "
                    f"comes after {one.seconds:g} s."
                )
        return cls(found[2], keys, track)

    def sigmas(self, header: DirectionHeader) -> tuple[float, ...]:
        """The strength at every keyframe in standard deviations.

        Raises:
            UsageError: see ``Strength.sigmas``.
        """
        return tuple(key.strength.sigmas(header) for key in self.keys)

    def at(self, times: F64, header: DirectionHeader) -> F64:
        """(n,) standard deviations at these seconds (n,) of the output clip."""
        known = [key.seconds for key in self.keys]
        return np.asarray(np.interp(times, known, self.sigmas(header)), np.float64)


def parse_edits(texts: tuple[str, ...]) -> tuple[Edit, ...]:
    """All edits of repeated options and comma lists."""
    return tuple(Edit.parse(part) for text in texts for part in split_edits(text))


def refuse_too_much(name: str, sigmas: float) -> None:
    """Raise UsageError for a strength that is beyond what any face can bear."""
    if not abs(sigmas) <= LARGEST:
        raise UsageError(
            f"The strength of {name} is {sigmas:.1f} standard deviations: "
            f"{-LARGEST:g} to {LARGEST:g} are permitted."
        )


def _turned(header: DirectionHeader, degrees: float) -> float | None:
    """Sigmas that differ by so many degrees; None where the label is no angle."""
    known = header.unit_per_sigma if header.unit == DEGREES else None
    return degrees / known if known else None


def _strength(text: str) -> Strength | None:
    found = _STRENGTH.fullmatch(text)
    return Strength(float(found[1]), cast(Unit, found[2])) if found else None


def _key(name: str, text: str) -> Key:
    amount, _, time = text.partition("@")
    strength = _strength(amount)
    if strength is None or not _TIME.fullmatch(time):
        raise UsageError(
            f"The keyframe {text!r} of {name} is not STRENGTH@TIME, such as +2@1.5s or +2@0:01.5."
        )
    try:
        at = seconds(time.removesuffix("s"))
    except ValueError as error:
        raise UsageError(f"The time of the keyframe {text!r} of {name} {error}.") from error
    assert isinstance(at, float | int)
    if at > LATEST:
        raise UsageError(
            f"The keyframe {text!r} of {name} is too late: {LATEST:.0f} s is the limit."
        )
    return Key(float(at), strength)


def _not_an_edit(text: str) -> UsageError:
    return UsageError(
        f"The edit {text!r} is not NAME=STRENGTH, such as age=+2 (standard deviations), "
        "age=+10y (years) or yaw=+15deg (degrees)."
    )
