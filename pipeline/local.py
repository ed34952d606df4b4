"""Work done in this process, one after the other: a debugger works, and nothing has to start."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

from pipeline.pool import Outcome, Queue, throttled
from pipeline.stage import Stage
from pipeline.store import Store
from pipeline.watch import Watch, WorkProgress, WorkStarted
from pipeline.work import Work
from pipeline.worker import Worker


class LocalPool:
    """A pool of one: this process.

    Args:
        store: where results go.
        device: what stages that ask for a GPU get, "cpu" or "cuda".
        threads: what stages are told to use; 0 leaves it to the libraries.
    """

    def __init__(self, store: Store, *, device: str = "cpu", threads: int = 0) -> None:
        self._worker = Worker(store, device=device, threads=threads)
        self._queue = Queue()

    def expect(self, stages: Iterable[Stage]) -> None:
        """Nothing is held, so nothing is to be made ready."""

    def submit(self, work: Work, depth: int) -> None:
        """Take a work."""
        self._queue.put(work, depth)

    def next(self, watch: Watch) -> Outcome:
        """Do the first work in the queue."""
        work = self._queue.pop().work
        watch(WorkStarted(work.node, work.index, key=work.key))

        def progress(done: int, total: int) -> None:
            watch(WorkProgress(work.node, work.index, done, total))

        return Outcome(work, self._worker.do(work, throttled(progress)))

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
