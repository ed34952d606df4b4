"""The files that a pattern of a job file stands for. Pattern and folders may be hostile."""

import glob
import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from pipeline.failure import UsageError


def fixed(base: Path, pattern: str) -> tuple[Path, str]:
    """Where a pattern starts from, and the rest of it, from the first wildcard on.

    A path that is there, or has no wildcard, is all start: the rest is empty.

    Raises:
        UsageError: the rest has ``..``, by which it would leave the start.
    """
    literal = base / pattern
    if not glob.has_magic(pattern) or os.path.lexists(literal):
        return literal, ""
    parts = PurePath(pattern).parts
    first = next(n for n, part in enumerate(parts) if glob.has_magic(part))
    start, rest = base.joinpath(*parts[:first]), parts[first:]
    if ".." in rest:
        raise UsageError(f"{pattern!r} has .. after a wildcard.")
    return start, "/".join((*rest, "*") if rest[-1] == "**" else rest)


def files(start: Path, rest: str) -> Iterator[Path]:
    """Files that the rest of a pattern finds, in no order; none of them hidden, unless named so.

    ``**`` follows no links, which could lead round and round.
    """
    hidden = any(part.startswith(".") for part in rest.split("/"))
    for path in start.glob(rest):
        own = path.relative_to(start).parts
        if (hidden or not any(part.startswith(".") for part in own)) and path.is_file():
            yield path
