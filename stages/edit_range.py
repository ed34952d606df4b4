"""A range of strengths, as ``pipeline preview`` takes it: ``age=-3..3``, ``age=-20y..20y``,
``yaw=-15deg..15deg``.

One edit of a list may have a range; the others are shown along with each of its strengths.
"""

import re
from typing import NamedTuple

import numpy as np

from pipeline.edit_list import split_edits
from pipeline.failure import UsageError
from stages.edit_text import parse_edits

_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)"
_RANGE = re.compile(rf"(.+)=({_NUMBER})(y|deg|)\.\.({_NUMBER})(y|deg|)")
MOST = 25
"""Strengths in one strip."""


class Shown(NamedTuple):
    """A column of a strip: its heading, and the edits that it shows."""

    heading: str
    edits: tuple[str, ...]


def parse_range(texts: tuple[str, ...], strengths: int) -> tuple[Shown, ...]:
    """The columns that these edits ask for, weakest first; one where no edit has a range.

    Args:
        texts: edits, of which one may be NAME=LOW..HIGH.
        strengths: how many even steps a range has, its ends included.

    Raises:
        UsageError: there are two ranges, one is empty or mixes units, or an edit is none.
    """
    edits = [edit for text in texts for edit in split_edits(text)]
    ranges = [i for i, edit in enumerate(edits) if ".." in edit]
    if not ranges:
        parse_edits(tuple(edits))
        return (Shown(", ".join(edits), tuple(edits)),)
    if len(ranges) > 1:
        raise UsageError(
            f"The edits {edits[ranges[0]]} and {edits[ranges[1]]} are both ranges: a strip has one."
        )
    if not 2 <= strengths <= MOST:
        raise UsageError(f"--strengths {strengths}: a range has 2 to {MOST} of them.")
    at = ranges[0]
    found = _RANGE.fullmatch(edits[at])
    if not found:
        raise UsageError(
            f"The edit {edits[at]!r} is not NAME=LOW..HIGH, such as age=-3..3, age=-20y..20y or "
            "yaw=-15deg..15deg."
        )
    name, low, low_unit, high, high_unit = found.groups()
    if low_unit != high_unit and float(low if high_unit else high):
        raise UsageError(f"The range {edits[at]!r} mixes units.")
    if not float(low) < float(high):
        raise UsageError(
            f"The range {edits[at]!r} is empty: {low} is not below {high}; write the lower one "
            "first."
        )
    shown = []
    for value in np.linspace(float(low), float(high), strengths):
        edit = f"{name}={round(float(value), 3) + 0.0:+g}{low_unit or high_unit}"
        shown.append(Shown(edit, (*edits[:at], edit, *edits[at + 1 :])))
    parse_edits(shown[0].edits)
    return tuple(shown)
