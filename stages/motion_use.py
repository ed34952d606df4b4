"""What is taken of a motion, and how it is given to a face: the options beside ``--transfer``."""

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from pipeline.failure import UsageError
from stages.face_motion import MEASURES

LARGEST = 10.0
"""Times its own size that a motion may be given."""
_ROWS = re.compile(r"rows:(\d{1,3})(?:-(\d{1,3}))?")


class MotionUse(BaseModel):
    """One ``--transfer``, without its reference."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    mode: Literal["motion", "change"] = "motion"
    """motion: what the reference does, frame by frame, in place of the target's own motion; change:
    how its last frame differs from its first, added to every frame."""
    what: str = "mouth"
    """Attributes (mouth,yaw), rows of W+ (rows:4-8) or all."""
    strength: float = Field(default=1.0, ge=-LARGEST, le=LARGEST)
    """1: as much as in the reference."""
    end: Literal["hold", "loop"] = "hold"
    """Where the reference is shorter than the target: its last frame stays, or it begins again."""

    @field_validator("what")
    @classmethod
    def _known(cls, text: str) -> str:
        parts = [part.strip() for part in text.split(",")]
        for part in parts:
            found = _ROWS.fullmatch(part)
            if found and int(found[2] or found[1]) < int(found[1]):
                raise UsageError(f"--transfer-what {part!r} ends before it begins.")
            if not found and part != "all" and part not in MEASURES:
                raise UsageError(
                    f"--transfer-what {part!r} is unknown: {', '.join(MEASURES)} (attributes that "
                    "move within a clip), rows:A-B or all can be had."
                )
        if "all" in parts and len(parts) > 1:
            raise UsageError(f"--transfer-what {text!r}: all leaves nothing to be named beside it.")
        return ",".join(parts)

    @property
    def names(self) -> tuple[str, ...]:
        """The attributes."""
        return tuple(dict.fromkeys(part for part in self.what.split(",") if part in MEASURES))

    def rows(self, active: tuple[int, ...]) -> tuple[int, ...]:
        """The rows of W+ that are meant as a whole.

        Raises:
            UsageError: none of those that are named reaches the picture.
        """
        if self.what == "all":
            return active
        spans = [found for part in self.what.split(",") if (found := _ROWS.fullmatch(part))]
        named = {row for s in spans for row in range(int(s[1]), int(s[2] or s[1]) + 1)}
        if spans and not named.intersection(active):
            raise UsageError(
                f"--transfer-what {self.what!r}: none of these rows reaches the picture; "
                f"{', '.join(map(str, active))} do."
            )
        return tuple(row for row in active if row in named)

    def __str__(self) -> str:
        amount = "" if self.strength == 1 else f" x{self.strength:g}"
        return f"{self.mode} of {self.what}{amount}"
