"""Progress of a batch: the same stage of all jobs as one, and how many jobs are settled."""

from dataclasses import replace
from typing import Any

from pipeline.show import Show, Stage
from pipeline.watch import (
    Event,
    JobSettled,
    NodeStarted,
    Waiting,
    WorkFailed,
    WorkFinished,
    WorkLost,
    WorkProgress,
    WorkStarted,
)

APART = 1_000_000
"""Works of one job are numbered from its number times this, to tell them from other jobs'."""


def split(name: str) -> tuple[int, str]:
    """The job's number and the node's own name, of a node in the plan of a batch."""
    number, _, own = name.partition(".")
    return int(number), own


class BatchShow(Show):
    """A watch for the plan of a batch.

    Args:
        jobs: how many there are.
        options: see ``Show``.
    """

    def __init__(self, jobs: int, **options: Any) -> None:
        super().__init__(**options)
        self._jobs = jobs
        self._settled = 0
        self._failed = 0

    def line(self) -> str:
        """What goes on now, in one line."""
        with self._lock:
            now = self._clock()
            busy = "; ".join(stage.line(now) for stage in self.stages.values() if stage.running)
            failed = f", {self._failed} failed" if self._failed else ""
            return f"{self._settled} of {self._jobs} jobs settled{failed}: {busy or '...'}"

    def _take(self, event: Event) -> None:
        if isinstance(event, JobSettled):
            self._settled += 1
            self._failed += event.exit_code != 0
            if event.error is not None:
                self.say(f"job {event.job}, {event.clip}: {event.error}")
            elif self._verbosity > 0:
                self.say(f"job {event.job}: {event.output}")
            return
        if isinstance(event, NodeStarted):
            own = split(event.node)[1]
            self.stages.setdefault(own, Stage(own, 0)).works += event.works
        elif isinstance(event, WorkFailed):
            where = _apart(event.failure.node, event.failure.index)
            super()._take(WorkFailed(replace(event.failure, **where)))
        elif isinstance(event, WorkLost):
            job, own = split(event.node)
            self._stage(own).running.pop(job * APART + (event.index or 0), None)
            piece = "" if event.index is None else f"[{event.index}]"
            self.say(
                f"job {job}, {own}{piece}: its worker was lost in attempt {event.attempt} "
                f"({event.text})."
            )
        elif isinstance(event, Waiting):
            super()._take(event)
        elif isinstance(event, WorkStarted | WorkProgress | WorkFinished):
            super()._take(replace(event, **_apart(event.node, event.index)))


def _apart(node: str, index: int | None) -> dict[str, Any]:
    job, own = split(node)
    return {"node": own, "index": job * APART + (index or 0)}
