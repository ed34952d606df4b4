"""A reference as a user names it: a file, or a part of a clip, REF@T0-T1."""

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.failure import InputError, UsageError
from pipeline.options import seconds

_RANGE = re.compile(r"(.+)@([0-9:.]+)-([0-9:.]+)")


@dataclass(frozen=True)
class Reference:
    """``start`` and ``end``: seconds from the clip's beginning; None without a range."""

    path: Path
    start: float | None = None
    end: float | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """REF or REF@T0-T1, times in seconds or as timecodes. A file of the whole name goes first.

        Raises:
            UsageError: the range is empty, or none.
        """
        # Not Path.is_file, which raises where the text is too long to be a name.
        found = None if os.path.isfile(text) else _RANGE.fullmatch(text)  # noqa: PTH113
        if not found:
            return cls(Path(text))
        try:
            start, end = (float(str(seconds(part))) for part in found.groups()[1:])
        except ValueError as error:
            raise UsageError(f"The range of {text!r} {error}.") from error
        if end <= start:
            raise UsageError(f"The range of {text!r} is empty: {end:g} s is not after {start:g} s.")
        return cls(Path(found[1]), start, end)

    def __str__(self) -> str:
        """As ``parse`` reads it, where no file has the whole as its name."""
        part = "" if self.start is None else f"@{self.start:.6f}-{self.end:.6f}"
        return f"{self.path}{part}"

    def check(self) -> None:
        """Raise InputError unless there is a file that can be read."""
        try:
            mode = self.path.stat().st_mode
            if stat.S_ISDIR(mode):
                raise InputError(f"The reference {self.path} is a folder.")
            if not stat.S_ISREG(mode):  # before it is opened: a pipe would be waited for
                raise InputError(f"The reference {self.path} is not a regular file.")
            with self.path.open("rb"):
                pass
        except OSError as error:
            raise InputError(
                f"The reference {self.path} cannot be read ({error.strerror})."
            ) from error
