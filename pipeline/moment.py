"""A picture as a user names it: a photograph, or a moment of a clip, CLIP@TIME."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.failure import InputError, UsageError
from pipeline.options import seconds

_AT = re.compile(r"(.+)@([0-9:.]+)")


@dataclass(frozen=True)
class Moment:
    """``at``: seconds from the clip's beginning; None for a photograph."""

    path: Path
    at: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """PHOTO or CLIP@TIME, in seconds or as a timecode. A file of the whole name goes first.

        Raises:
            UsageError: the time is none.
            InputError: there is no file that can be read.
        """
        found = None if Path(text).is_file() else _AT.fullmatch(text)
        try:
            made = cls(Path(found[1]), float(str(seconds(found[2])))) if found else cls(Path(text))
        except ValueError as error:
            raise UsageError(f"The time of {text!r} {error}.") from error
        try:
            with made.path.open("rb"):
                pass
        except IsADirectoryError as error:
            raise InputError(f"{made.path} is a folder.") from error
        except OSError as error:
            raise InputError(f"{made.path} cannot be read ({error.strerror}).") from error
        return made

    def __str__(self) -> str:
        return str(self.path) if self.at is None else f"{self.path}@{self.at:g}"
