"""Files and times that a user names."""

from pathlib import Path

from pipeline import output
from pipeline.failure import InputError, OutputRefused, UsageError
from pipeline.fetch import digest
from pipeline.options import seconds


def given_file(path: Path) -> tuple[Path, str]:
    """The file and its sha256.

    Raises:
        InputError: it is a folder, or cannot be read.
    """
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a file.")
    try:
        return path.resolve(), digest(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error


def time_range(start: str | None, end: str | None) -> dict[str, float | None]:
    """``--start`` and ``--end`` in seconds.

    Raises:
        UsageError: one is no time, or the end is not after the start.
    """
    found: dict[str, float | None] = {}
    for flag, text in (("start", start), ("end", end)):
        try:
            value = seconds(text)
        except ValueError as error:
            raise UsageError(f"--{flag} {text!r} {error}.") from error
        found[flag] = None if value is None else float(str(value))
    begins, ends = found["start"], found["end"]
    if ends is not None and ends <= (begins or 0):
        raise UsageError(f"--end {ends:g} s is not after --start {begins or 0:g} s.")
    return found


def check_png(target: Path, inputs: tuple[Path, ...], *, overwrite: bool) -> None:
    """Refuse a picture's place before the work begins.

    Raises:
        OutputRefused: it is no PNG by name, or see ``output.refuse``.
    """
    if target.suffix.lower() != ".png":
        raise OutputRefused(f"{target} is no name of a PNG: it has to end with .png.")
    output.refuse(target, inputs, overwrite=overwrite)
