"""Files that a user names."""

from pathlib import Path

from pipeline.failure import InputError
from pipeline.fetch import digest


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
