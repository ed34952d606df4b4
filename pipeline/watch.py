"""What happens during a run, as events. Who shows them is not this module's concern."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.failure import Failure


@dataclass(frozen=True)
class NodeStarted:
    """A node's first work is about to begin or be reused. ``works`` is how many it has."""

    node: str
    works: int


@dataclass(frozen=True)
class NodeFinished:
    """All works of a node are done, failed or skipped. ``seconds`` is the sum over its works."""

    node: str
    works: int
    reused: int
    failed: int
    seconds: float


@dataclass(frozen=True)
class WorkStarted:
    """A worker has it. ``attempt`` counts from 1; ``key`` is the work's."""

    node: str
    index: int | None
    attempt: int = 1
    key: str = ""


@dataclass(frozen=True)
class WorkProgress:
    """The stage's own count, of frames or steps."""

    node: str
    index: int | None
    done: int
    total: int


@dataclass(frozen=True)
class WorkFinished:
    """The result is in the store. ``reused``: it was there before; ``seconds`` it took then.

    ``key`` is the work's: over all logs of a store, one event of a key is not reused.
    """

    node: str
    index: int | None
    seconds: float
    reused: bool
    peak_rss: int = 0
    key: str = ""


@dataclass(frozen=True)
class WorkLost:
    """The worker died; the work is queued again."""

    node: str
    index: int | None
    attempt: int
    text: str


@dataclass(frozen=True)
class Waiting:
    """Nothing can be done at present, for this reason."""

    text: str


@dataclass(frozen=True)
class WorkFailed:
    """There will be no result in this run, because the work failed or was skipped."""

    failure: Failure

    @property
    def node(self) -> str:
        """The node that has no result."""
        return self.failure.node


@dataclass(frozen=True)
class BatchStarted:
    """A driver has taken up a batch of so many jobs."""

    host: str
    pid: int
    jobs: int


@dataclass(frozen=True)
class JobSettled:
    """What became of one job of a batch: its output is in place, or it has failed.

    ``seconds`` were spent on works of this job alone, or on it first; shared ones count once.
    """

    job: int
    clip: str
    output: str | None
    exit_code: int
    error: str | None
    seconds: float = 0.0
    reused: bool = False


@dataclass(frozen=True)
class BatchFinished:
    """A driver has brought a batch to its end."""

    exit_code: int


Event = (
    NodeStarted
    | NodeFinished
    | WorkStarted
    | WorkProgress
    | WorkFinished
    | WorkLost
    | Waiting
    | WorkFailed
    | BatchStarted
    | JobSettled
    | BatchFinished
)
Watch = Callable[[Event], None]


def silent(event: Event) -> None:
    """Show nothing."""


def both(*watches: Watch) -> Watch:
    """Tell several watches of each event, in order."""

    def tell(event: Event) -> None:
        for watch in watches:
            watch(event)

    return tell


class EventLog:
    """Appends each event to a file as a line of JSON, with the time in seconds since 1970.

    Not ``WorkProgress``, of which a thousand works have two thousand a second.
    """

    def __init__(self, path: Path) -> None:
        torn = _torn(path)
        self._file = path.open("a", buffering=1, encoding="utf-8")
        if torn:
            self._file.write("\n")

    def __call__(self, event: Event) -> None:
        if isinstance(event, WorkProgress):
            return
        line = {"time": round(time.time(), 3), "event": type(event).__name__, **asdict(event)}
        self._file.write(json.dumps(line) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()


def _torn(path: Path) -> bool:
    """Whether whoever wrote the log before was killed in the middle of a line."""
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) == 0:
                return False
            file.seek(-1, 2)
            return file.read(1) != b"\n"
    except FileNotFoundError:
        return False
