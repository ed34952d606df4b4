"""What ``pipeline batch`` does once its jobs are known: all of them as one plan."""

import sys
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import output
from pipeline.batch import BatchRecord
from pipeline.batch_show import split
from pipeline.commands.clip import Outcome, check_clip, check_space, settings
from pipeline.failure import Failure, OutputRefused, UsageError
from pipeline.fetch import digest
from pipeline.jobs import Job
from pipeline.verdict import FAULT, PARTIAL, exit_code, sentence
from pipeline.watch import Event, JobSettled, Watch, WorkFailed, WorkFinished
from pipeline.weights import Weights

if TYPE_CHECKING:
    from configs.edit import EditClip
    from pipeline.plan import Plan
    from pipeline.pool import Pool
    from pipeline.store import Store


READERS = 8
"""Clips that are read at once to learn their sha256, which takes long on a shared disk."""


@dataclass
class Standing:
    """Where a job stands. ``gates``: the nodes that can refuse it before anything takes long."""

    job: Job
    outcome: Outcome
    gates: list[str] = field(default_factory=list)
    made_of: str = ""
    settled: bool = False

    @property
    def result(self) -> str:
        """The node that gives its output."""
        return f"{self.job.prefix}result"


class Edits:
    """The settings of jobs, made once for all that say the same."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], EditClip] = {}

    def of(self, job: Job) -> "EditClip":
        """The settings of a job.

        Raises:
            UsageError: a value is not permitted.
        """
        key = (job.options.model_dump_json(), job.target.suffix)
        if key not in self._made:
            try:
                self._made[key] = settings(job.options, job.target)
            except UsageError as error:
                raise UsageError(f"Job {job.number} ({job.clip.name}): {error}") from error
        return self._made[key]


class BatchRun:
    """All jobs of a batch, through one store and one pool.

    Args:
        standings: the jobs.
        store: shared with all other runs of the work folder.
        record: what holds for the whole batch.
        weights: where plans get theirs.
        edits: the settings of jobs that were made already.
        watch: told of every event.
        verbosity: 1 and more for the tracebacks of all failures.
    """

    def __init__(
        self,
        standings: list[Standing],
        store: "Store",
        record: BatchRecord,
        weights: Weights,
        edits: Edits,
        watch: Watch,
        verbosity: int,
    ) -> None:
        from pipeline.plan import Plan

        self.standings = {s.job.number: s for s in standings}
        self.store = store
        self.record = record
        self.weights = weights
        self.watch = watch
        self.verbosity = verbosity
        self.plan: Plan = Plan()
        self._edits = edits
        self._digests: dict[Path, Future[str]] = {}

    def prepare(self) -> None:
        """Check every job and lay it into the plan. One that cannot be begun has failed."""
        readers = ThreadPoolExecutor(READERS)
        try:
            for clip in dict.fromkeys(s.job.clip for s in self.standings.values()):
                self._digests[clip] = readers.submit(_identified, clip)
            for standing in self.standings.values():
                self._guarded(standing, partial(self._prepare, standing))
        finally:
            readers.shutdown(cancel_futures=True)

    def work(self, pool: "Pool") -> None:
        """Do what is left: first what can refuse a clip, then the rest."""
        from pipeline import schedule

        left = [s for s in self.standings.values() if not s.settled]
        gates = [name for s in left for name in s.gates]
        if gates:
            schedule.run(self.plan, self.store, pool, self._told, targets=gates)
        for standing in left:
            if standing.outcome.error is not None and not standing.settled:
                self._settle(standing)
        results = [s.result for s in left if not s.settled]
        if results:
            schedule.run(self.plan, self.store, pool, self._told, targets=results)

    def _prepare(self, standing: Standing) -> None:
        from pipeline.receipt import Receipt, fingerprint

        job = standing.job
        plan, edit = self._plan_of(job)
        standing.made_of = fingerprint(plan)
        ours = Receipt.holds(self.store.root, job.target, standing.made_of)
        if ours and not job.options.strict:  # else the result's report is needed once more
            standing.outcome.output = job.target
            self._settle(standing, reused=True)
            return
        output.make_folder(job.target.parent)
        if not ours:
            output.refuse(job.target, job.inputs, overwrite=self.record.overwrite)
        check_space(job.clip, job.target, self.store.root)
        self.plan.include(job.prefix, plan)
        standing.gates = [job.prefix + name for name in edit.first]

    def _plan_of(self, job: Job) -> "tuple[Plan, EditClip]":
        from stages.artifacts import SourceClip

        edit = self._edits.of(job)
        source = SourceClip(path=job.clip.resolve(), sha256=self._digests[job.clip].result())
        return edit.plan(source, self.weights.given), edit

    def _told(self, event: Event) -> None:
        """Pass an event on, and see what it means for its job."""
        self.watch(event)
        if isinstance(event, WorkFinished | WorkFailed):
            number, own = split(event.node)
            standing = self.standings[number]
            if isinstance(event, WorkFailed):
                self._note(standing, replace(event.failure, node=own))
            elif not event.reused:
                standing.outcome.seconds += event.seconds
            if own == "result":
                if isinstance(event, WorkFinished):
                    self._guarded(standing, partial(self._publish, standing, event.key))
                else:
                    self._settle(standing)

    def _note(self, standing: Standing, failure: Failure) -> None:
        """The first failure of a job is the one to tell: others follow from it."""
        if standing.outcome.error is None:
            standing.outcome.exit_code = failure.exit_code
            standing.outcome.error = self._edits.of(standing.job).told(failure).text
            if failure.exit_code == FAULT or self.verbosity > 1:
                sys.stderr.write(failure.traceback)

    def _publish(self, standing: Standing, key: str) -> None:
        """Put a finished result in place, unless another driver of this batch has."""
        from pipeline.receipt import Receipt

        job, outcome = standing.job, standing.outcome
        rendered = self.store.get(key, self.plan.nodes[standing.result].produces)
        outcome.report = rendered.report()  # type: ignore[attr-defined]
        made: Path = rendered.file  # type: ignore[attr-defined]
        receipt = Receipt(target=job.target, made_of=standing.made_of, sha256=digest(made))
        receipt.keep(self.store.root)
        reused = False
        try:
            output.publish(made, job.target, overwrite=self.record.overwrite)
        except OutputRefused:
            reused = Receipt.holds(self.store.root, job.target, standing.made_of)
            if not reused:
                raise
        outcome.output = job.target
        if job.options.strict and outcome.report.get("passed"):
            outcome.exit_code = PARTIAL
            outcome.error = f"{outcome.report['passed']} frames passed through unedited (--strict)."
        self._settle(standing, reused=reused)

    def _guarded(self, standing: Standing, action: Callable[[], None]) -> None:
        """What goes wrong with one job is its outcome. Only a stop of the program gets through."""
        try:
            action()
        except Exception as error:
            standing.outcome.exit_code, standing.outcome.error = exit_code(error), sentence(error)
            if standing.outcome.exit_code == FAULT or self.verbosity > 1:
                traceback.print_exc()
            self._settle(standing)

    def _settle(self, standing: Standing, *, reused: bool = False) -> None:
        standing.settled = True
        outcome = standing.outcome
        out = str(outcome.output) if outcome.output else None
        self.watch(
            JobSettled(
                standing.job.number, str(outcome.clip), out, outcome.exit_code, outcome.error,
                round(outcome.seconds, 3), reused,
            )
        )  # fmt: skip


def _identified(clip: Path) -> str:
    """The sha256 of a clip that can be read. Raises InputError."""
    check_clip(clip)
    return digest(clip)
