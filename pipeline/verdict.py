"""The exit code of whatever went wrong, and of several clips together (README, "Exit codes")."""

import errno
from collections.abc import Sequence

from pipeline.failure import OutOfResources, PipelineError

PARTIAL = 8
FAULT = 1
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM)


def exit_code(error: BaseException) -> int:
    """The code of one error; 1 for what nobody foresaw."""
    if isinstance(error, PipelineError):
        return error.exit_code
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _FULL):
        return OutOfResources.exit_code
    return FAULT


def sentence(error: BaseException) -> str:
    """The error as the user is told."""
    if isinstance(error, PipelineError):
        return str(error)
    if exit_code(error) == OutOfResources.exit_code:
        return f"Disk or memory ran out ({error})."
    return f"This is a fault of the program, please report it: {type(error).__name__}: {error}"


def overall(codes: Sequence[int]) -> int:
    """One code for all clips: theirs when they agree, otherwise 8."""
    found = set(codes)
    return found.pop() if len(found) == 1 else PARTIAL
