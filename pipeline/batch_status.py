"""How a batch stands, read from its log. Works while it runs, after it, and after a crash."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import driving
from pipeline.batch import Batch
from pipeline.batch_show import split

State = Literal["done", "failed", "working", "waiting", "unfinished"]


@dataclass(frozen=True)
class JobStatus:
    """One job. ``working`` and ``waiting`` only while somebody drives the batch."""

    number: int
    clip: str
    edits: str
    state: State
    output: str
    exit_code: int = 0
    error: str | None = None


@dataclass(frozen=True)
class BatchStatus:
    """A batch. ``drivers``: who works on it now."""

    id: str
    source: str
    drivers: list[str]
    jobs: list[JobStatus]

    def headline(self) -> str:
        """All in one line."""
        counts = Counter(job.state for job in self.jobs)
        states = ", ".join(f"{n} {state}" for state, n in sorted(counts.items()))
        who = f"driven by {', '.join(self.drivers)}" if self.drivers else "nobody works on it"
        return f"{self.id}  {self.source or 'command line'}  {states}; {who}"

    def table(self) -> str:
        """The headline, and a line a job."""
        lines = [self.headline()]
        for job in self.jobs:
            failed = f"({job.exit_code}) {job.error}"
            told = failed if job.state == "failed" else job.output
            lines.append(
                f"{job.number:>5}  {job.state:<10}  {Path(job.clip).name}  {job.edits}  {told}"
            )
        return "\n".join(lines)

    def as_json(self) -> str:
        """As ``--json`` writes it."""
        return json.dumps(asdict(self), indent=2)


def read_status(batch: Batch) -> BatchStatus:
    """How a batch stands.

    Raises:
        UsageError: its record is not readable.
    """
    record = batch.record()
    drivers = driving.drivers(batch.folder)
    settled: dict[int, dict[str, Any]] = {}
    begun: set[int] = set()
    for event in read_events(batch.log):
        if event["event"] == "BatchStarted":
            begun.clear()
            settled = {n: e for n, e in settled.items() if not e["exit_code"]}  # tried again
        elif event["event"] == "JobSettled":
            settled[event["job"]] = event
        elif event["event"] == "WorkStarted":
            begun.add(split(event["node"])[0])
    jobs = []
    for job in record.jobs:
        end = settled.get(job.number)
        state: State
        if end is not None:
            state = "failed" if end["exit_code"] else "done"
        elif drivers:
            state = "working" if job.number in begun else "waiting"
        else:
            state = "unfinished"
        jobs.append(
            JobStatus(
                job.number,
                str(job.clip),
                ",".join(job.options.edit),
                state,
                str(job.target),
                end["exit_code"] if end else 0,
                end["error"] if end else None,
            )
        )
    return BatchStatus(batch.id, record.source, drivers, jobs)


def read_events(log: Path) -> Iterator[dict[str, Any]]:
    """The events of a log, but for a line that a killed driver left unfinished."""
    if not log.exists():
        return
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and "event" in found:
                yield found
