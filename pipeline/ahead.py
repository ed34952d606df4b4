"""A pool that comes while its caller prepares what it is to do: Ray takes seconds to start."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from pipeline.pool import Outcome, Pool
from pipeline.stage import Stage
from pipeline.watch import Watch
from pipeline.work import Work


class Ahead:
    """A pool that is made in a thread of its own.

    Args:
        make: makes the pool. What it raises is raised by whatever needs the pool first, and again.
    """

    def __init__(self, make: Callable[[], Pool]) -> None:
        # The thread lives as long as the pool: what Ray starts is killed with the thread it did.
        self._thread = ThreadPoolExecutor(1)
        self._made = self._thread.submit(make)

    def expect(self, stages: Iterable[Stage]) -> None:
        """Hear of stages whose works may come."""
        self._made.result().expect(stages)

    def submit(self, work: Work, depth: int) -> None:
        """Take a work."""
        self._made.result().submit(work, depth)

    def next(self, watch: Watch) -> Outcome:
        """Wait until one of the submitted works is done."""
        return self._made.result().next(watch)

    def close(self) -> None:
        """Let go of all resources, once they are there."""
        if self._made.exception() is None:
            self._made.result().close()
        self._thread.shutdown()
