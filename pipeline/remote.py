"""What runs inside a cluster's processes, and what the driver keeps of each. Knows no ray."""

import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.allocator import ENVIRONMENT
from pipeline.failure import Failure
from pipeline.pool import Ticket, throttled
from pipeline.shared_store import open_store
from pipeline.stage import Peers, Resources, Stage, alone
from pipeline.work import Work
from pipeline.worker import Done, Worker, failure

GIB = 2**30
KINDS = ("CPU", "GPU", "memory")
"""Resources, by the names that Ray has for them."""
Progress = tuple[int, int]


class Shape(NamedTuple):
    """What an actor holds while it lives. ``memory`` is in bytes.

    ``workers``: as many such actors, which do their works together.
    """

    cpus: float
    gpus: float
    memory: int
    workers: int = 1

    @classmethod
    def of(
        cls, resources: Resources, largest: Mapping[str, float], *, gpu: bool, workers: int = 1
    ) -> "Shape":
        """The shape for a stage, cut down to the largest node, where it will simply take longer.

        GPUs are not cut: without one the work cannot be done. ``gpu`` says whether to ask at all.
        Memory is counted in whole GiB, so that stages share their actors.
        """
        cpus = min(resources.cpus, largest.get("CPU") or resources.cpus)
        wanted = math.ceil(resources.memory_gb) * GIB
        memory = int(min(wanted, largest.get("memory") or wanted))
        return cls(cpus, resources.gpus if gpu else 0, memory, workers)

    @property
    def each(self) -> dict[str, float]:
        """What one of its actors holds, by Ray's names."""
        return {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}

    def fits(self, total: Mapping[str, float], used: list["Shape"]) -> bool:
        """Whether one more fits beside those that live."""
        return all(
            not own or own * self.workers + _held(name, used) <= total.get(name, 0)
            for name, own in self.each.items()
        )

    def times(self, node: Mapping[str, float]) -> int:
        """How many of its actors fit on a node that has nothing else."""
        wants = [(node.get(name, 0), own) for name, own in self.each.items() if own]
        return min((int(has // own) for has, own in wants), default=0)

    def covers(self, other: "Shape") -> bool:
        """Whether an actor of this shape may do the work of another; one with a GPU may not."""
        alike = self.gpus == other.gpus == 0 and self.workers == other.workers == 1
        return alike and self.cpus >= other.cpus and self.memory >= other.memory

    def widened(self, coming: Iterable["Shape"], total: Mapping[str, float]) -> "Shape":
        """The largest of those to come that can do its work, if no two of both fit at once.

        An actor of this shape would have to go for that one, and all it has loaded with it. Beside
        GPUs, whose actors want CPUs of their own, it stays as it is.
        """
        coming = set(coming)
        if any(s.gpus for s in coming):
            return self
        one = [s for s in coming if s.covers(self) and s.fits(total, [])]
        return max((s for s in one if not self.fits(total, [s])), default=self)

    def __str__(self) -> str:
        parts = [f"{self.cpus:g} CPU"]
        parts += [f"{self.gpus:g} GPU"] if self.gpus else []
        parts += [f"{self.memory / GIB:.1f} GiB"] if self.memory else []
        text = ", ".join(parts)
        return text if self.workers == 1 else f"{self.workers} times {text}"


def _held(name: str, shapes: list[Shape]) -> float:
    """What all of these hold together."""
    return sum(shape.each[name] * shape.workers for shape in shapes)


def environment(shape: Shape, threads: int, path: Path | None) -> dict[str, str]:
    """Environment of an actor. ``path`` is put before PYTHONPATH, on a cluster we started."""
    variables = {
        **ENVIRONMENT,
        "OMP_NUM_THREADS": str(threads or max(1, int(shape.cpus))),
        "OMP_WAIT_POLICY": "PASSIVE",  # as ``__main__`` has it for a run without Ray
    }
    if not shape.gpus:
        variables["CUDA_VISIBLE_DEVICES"] = ""  # Ray leaves all GPUs visible to CPU actors
    if path is not None:
        rest = os.environ.get("PYTHONPATH")
        variables["PYTHONPATH"] = f"{path}{os.pathsep}{rest}" if rest else str(path)
    return variables


class Board:
    """Where works note how far they are, for the driver to fetch."""

    def __init__(self) -> None:
        self._noted: dict[str, Progress] = {}

    def note(self, key: str, done: int, total: int) -> None:
        """Overwrite what was noted for this work."""
        self._noted[key] = (done, total)

    def take(self) -> dict[str, Progress]:
        """All that was noted since the last call."""
        noted, self._noted = self._noted, {}
        return noted


class RemoteWorker:
    """A ``Worker`` in a process of its own."""

    def __init__(self, root: str, url: str | None, device: str, board: Any) -> None:
        self._place = (Path(root), url)
        self._device = device
        self._board = board

    @cached_property
    def _worker(self) -> Worker:
        """Opened with the first work, whose failure it is then if the store cannot be."""
        return Worker(open_store(*self._place), device=self._device)

    def ping(self) -> int:
        """Answer with the process id, to show that this worker has been placed and lives."""
        return os.getpid()

    def do(self, work: Work, threads: int, peers: Callable[[], Peers] = alone) -> Done | Failure:
        """Do a work."""

        def progress(done: int, total: int) -> None:
            self._board.note.remote(work.key, done, total)

        try:
            worker = self._worker
        except Exception as error:
            return failure(work, error)
        worker.threads = threads
        return worker.do(work, throttled(progress, 0.5), peers)

    def assist(self, work: Work, threads: int, peers: Peers) -> None:
        """Do a work as one of several."""
        self._worker.threads = threads
        self._worker.assist(work, peers)


@dataclass
class Member:
    """An actor as the driver sees it: starting until it has answered, then idle or busy.

    ``waiting`` is the answer that is outstanding, to the ping or from the work; ``rests``: since
    when it has had none; ``queue``: the shape whose work it was given last, or was started for;
    ``began`` and ``heard``: when its work was given and last told of progress. ``together``: what
    else is given back with it, if several work as one.
    """

    handle: Any
    shape: Shape
    waiting: Any
    since: float
    queue: Shape
    ready: bool = False
    ticket: Ticket | None = None
    last: Stage | None = None
    rests: float = 0.0
    began: float = 0.0
    heard: float = 0.0
    together: Any = None

    @property
    def idle(self) -> bool:
        """Whether it can be given work."""
        return self.ready and self.ticket is None
