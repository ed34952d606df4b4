"""What can go wrong, as the user sees it: one sentence and one exit code.

The codes are the documented contract of the command line (README, "Exit codes").
A stage raises one of these when it can name the fault; anything else it raises is a bug
of ours and ends with exit code 1.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal


class PipelineError(Exception):
    """A fault that can be told in one sentence. Its text is shown to the user as it stands."""

    exit_code: ClassVar[int] = 1


class UsageError(PipelineError):
    """The command line, a job file or a configuration asks for something that does not exist."""

    exit_code = 2


class InputError(PipelineError):
    """The input is unreadable, of an unsupported kind, or over a limit."""

    exit_code = 3


class NothingToEdit(PipelineError):
    """The input is fine, but holds no face, or none that the selector matches."""

    exit_code = 4


class OutputRefused(PipelineError):
    """The output exists, is not writable, is the input, or cannot hold a stream of the input."""

    exit_code = 5


class MissingDependency(PipelineError):
    """Weights or a program cannot be had, or are not the ones that were pinned."""

    exit_code = 6


class OutOfResources(PipelineError):
    """Disk or memory ran out."""

    exit_code = 7


class VerificationFailed(PipelineError):
    """The output was written and did not pass its own checks; nothing was published."""

    exit_code = 9


@dataclass(frozen=True)
class Failure:
    """Why one piece of work has no result.

    ``stage``: the stage raised (not retried). ``lost``: the worker died (requeued, three
    attempts in all). ``skipped``: something it needs has failed.
    """

    node: str
    index: int | None
    kind: Literal["stage", "lost", "skipped"]
    text: str
    exit_code: int = 1
    attempts: int = 1
    traceback: str = ""
