"""What the scheduler asks of those who do the work, and the order in which they take it."""

import heapq
import itertools
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.failure import Failure
from pipeline.stage import Stage
from pipeline.watch import Watch
from pipeline.work import Work
from pipeline.worker import Done


@dataclass(frozen=True)
class Outcome:
    """What became of a submitted work."""

    work: Work
    result: Done | Failure


class Pool(Protocol):
    """Does works somewhere. ``LocalPool`` in this process, ``RayPool`` on a cluster."""

    def expect(self, stages: Iterable[Stage]) -> None:
        """Hear of stages whose works may come. None need come, and others may."""

    def submit(self, work: Work, depth: int) -> None:
        """Take a work; the deepest node's is done first, to finish what was begun."""

    def next(self, watch: Watch) -> Outcome:
        """Wait until one of the submitted works is done. Tells ``watch`` of starts and progress."""

    def close(self) -> None:
        """Stop all work and let go of all resources."""


@dataclass(order=True)
class Ticket:
    """A work in a queue. ``attempt`` counts from 1."""

    priority: int
    order: int
    work: Work = field(compare=False)
    attempt: int = field(default=1, compare=False)


class Queue:
    """Works that wait: the deepest first, among equals the earliest, lost ones before all."""

    def __init__(self) -> None:
        self._heap: list[Ticket] = []
        self._order = itertools.count()

    def put(self, work: Work, depth: int) -> None:
        """Add a work for the first time."""
        heapq.heappush(self._heap, Ticket(-depth, next(self._order), work))

    def put_back(self, ticket: Ticket) -> None:
        """Add a work whose worker was lost, at the front, for another attempt."""
        again = Ticket(-(10**9), ticket.order, ticket.work, ticket.attempt + 1)
        heapq.heappush(self._heap, again)

    def pop(self) -> Ticket:
        """Take the first."""
        return heapq.heappop(self._heap)

    def first(self) -> Ticket:
        """See the first."""
        return self._heap[0]

    def __len__(self) -> int:
        return len(self._heap)


def throttled(
    progress: Callable[[int, int], None], seconds: float = 0.1
) -> Callable[[int, int], None]:
    """Pass on the last step, and others no more often than this."""
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last >= seconds:
            last = now
            progress(done, total)

    return report
