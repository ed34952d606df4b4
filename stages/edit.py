"""Stage: the edits that were asked for, as one offset in W+.

``w' = w + sum of k_j * sigma_j * d_j`` on the rows where each direction acts (InterFaceGAN's edit,
papers 002 to 004), with k in standard deviations. For negative k a direction may have a vector and
a unit of its own (``direction_file``).
"""

import re
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from pydantic import field_validator

from pipeline.failure import UsageError
from pipeline.stage import Context, Resources, Stage
from stages.direction_file import DirectionHeader, read_below, read_direction
from stages.edit_artifacts import Direction, Edits

_EDIT = re.compile(r"^([a-z][a-z0-9_]*)=([+-]?(?:\d+(?:\.\d*)?|\.\d+))(y?)$")
LARGEST = 10.0


@dataclass(frozen=True)
class Edit:
    """``name``, ``amount``, and whether it is in years instead of standard deviations."""

    name: str
    amount: float
    years: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """NAME=STRENGTH, such as age=+2, age=-1.5 or age=+10y.

        Raises:
            UsageError: it is not of that form.
        """
        found = _EDIT.match(text.strip())
        if not found:
            raise UsageError(
                f"The edit {text!r} is not NAME=STRENGTH, such as age=+2 (standard deviations) "
                "or age=+10y (years)."
            )
        return cls(found[1], float(found[2]), bool(found[3]))

    def sigmas(self, header: DirectionHeader) -> float:
        """The strength in standard deviations.

        Raises:
            UsageError: years of something that has none, or beyond what any face can bear.
        """
        unit = header.years_per_sigma
        if self.amount < 0 and header.below:
            unit = header.below.years_per_sigma
        if not self.years:
            amount = self.amount
        elif unit:
            amount = self.amount / unit
        else:
            raise UsageError(f"{self.name} has no years: give standard deviations, {self.name}=+2.")
        if abs(amount) > LARGEST:
            raise UsageError(
                f"The strength of {self.name} is {amount:.1f} standard deviations: "
                f"{-LARGEST:g} to {LARGEST:g} are permitted."
            )
        return amount


def parse_edits(texts: tuple[str, ...]) -> tuple[Edit, ...]:
    """All edits of repeated options and comma lists."""
    return tuple(Edit.parse(part) for text in texts for part in text.split(",") if part.strip())


class ComposeEdits(Stage):
    """Adds up the asked edits. A direction for another generator is refused."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=1)

    edits: tuple[str, ...]
    """NAME=STRENGTH each."""
    generator: str
    """Name of the generator that will render."""
    rows: int
    """Rows of its W+."""

    @field_validator("edits")
    @classmethod
    def _parse(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        parse_edits(texts)
        return texts

    def run(self, directions: list[Direction], context: Context) -> Edits:
        known = {d.name: (*read_direction(d.file), read_below(d.file)) for d in directions}
        offset = None
        for edit in parse_edits(self.edits):
            header, vector, below = known[edit.name]
            if header.generator != self.generator:
                raise UsageError(
                    f"The direction {edit.name} belongs to the generator {header.generator}; "
                    f"this run renders with {self.generator}."
                )
            if not set(header.rows) <= set(range(self.rows)):
                raise UsageError(f"The direction {edit.name} acts on rows the generator lacks.")
            if offset is None:
                offset = np.zeros((self.rows, len(vector)), np.float32)
            strength = edit.sigmas(header)
            if strength < 0 and header.below:
                offset[list(header.rows)] += strength * header.below.sigma * below
            else:
                offset[list(header.rows)] += strength * header.sigma * vector
        if offset is None:
            raise UsageError("No edit was given: --edit age=+2.")
        return Edits(text=", ".join(self.edits), offset=offset)
