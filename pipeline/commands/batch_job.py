"""A batch from its record to its exit code: checks, work, and the table of what failed."""

import json
import os
import shlex
import socket
import sys
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline import device
from pipeline.batch import Batch, BatchRecord
from pipeline.batch_show import BatchShow
from pipeline.commands.batch_run import BatchRun, Edits, Standing
from pipeline.commands.clip import Outcome, check
from pipeline.commands.job import make_pool
from pipeline.driving import Driving
from pipeline.failure import InputError, OutputRefused, PipelineError, UsageError
from pipeline.options import work_folder
from pipeline.verdict import overall
from pipeline.watch import BatchFinished, BatchStarted, EventLog, both
from pipeline.weights import Weights


@dataclass(frozen=True)
class How:
    """How a batch is told of. ``verbosity``: -1 errors only, 0, 1 stages, 2 tracebacks."""

    json: bool = False
    verbosity: int = 0

    def say(self, sentence: str) -> None:
        """Tell the user what is no result, unless only errors are wanted."""
        if self.verbosity >= 0:
            sys.stderr.write(sentence + "\n")


def retry_words(batch: str, root: Path) -> str:
    """What goes on with a batch, as typed into a shell."""
    where = [] if root == work_folder(None) else ["--work-dir", str(root)]
    return shlex.join(["pipeline", "retry", batch, *where])


def look(record: BatchRecord, how: How) -> int:
    """``--dry-run``: each job with its output, and what can be said before a clip is decoded.

    Returns:
        The exit code that the jobs would have by that.
    """
    edits, codes, told = Edits(), [], []
    for job in (kept.job() for kept in record.jobs):
        outcome = Outcome(job.clip)
        try:
            edits.of(job)
            if job.target.parent.exists():
                check(job.clip, job.target, job.inputs, overwrite=record.overwrite)
        except UsageError:
            raise
        except PipelineError as error:
            outcome.exit_code, outcome.error = error.exit_code, str(error)
        codes.append(outcome.exit_code)
        told.append(Line(job.number, job.clip, job.options.edit, job.target, outcome))
    if how.json:
        shown = [{"job": line.number, **line.outcome.as_json()} for line in told]
        sys.stdout.write(json.dumps({"jobs": shown}, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{line.text()}\n" for line in told))
    return overall(codes)


def execute(record: BatchRecord, root: Path, how: How) -> int:
    """Run a batch to its end, or go on with it.

    Returns:
        The exit code (README, "Exit codes").

    Raises:
        PipelineError: the batch as a whole cannot be done; nothing was begun.
    """
    from pipeline.allocator import keep_memory
    from pipeline.shared_store import open_store

    options = record.options
    where = device.choose(options.device)
    threads = options.threads or (len(os.sched_getaffinity(0)) if options.on == "local" else 0)
    edits = Edits()
    for kept in record.jobs:
        # What is not permitted is said before any clip is read. A reference that cannot be read
        # spoils its own jobs only.
        with suppress(InputError):
            edits.of(kept.job())
    keep_memory()
    try:
        store = open_store(root, options.store)
        batch = Batch.make(root, record)
    except OSError as error:
        raise OutputRefused(f"The work folder {root} is not usable: {error}.") from error
    precisions = " and ".join(sorted({kept.options.precision for kept in record.jobs}))
    place = f"{options.on}, {where}, {precisions}"
    how.say(f"Batch {batch.id}: {len(record.jobs)} jobs on {place}; {batch.log}")
    weights = Weights(named=options.weights, say=how.say)
    standings = [Standing(kept.job(), Outcome(kept.clip)) for kept in record.jobs]
    with ExitStack() as stack:
        log = stack.enter_context(EventLog(batch.log))
        show = BatchShow(len(standings), verbosity=how.verbosity)
        stack.enter_context(Driving(batch.folder))
        log(BatchStarted(socket.gethostname(), os.getpid(), len(standings)))
        run = BatchRun(standings, store, record, weights, edits, both(show, log), how.verbosity)
        stack.enter_context(show)
        run.prepare()
        if any(not standing.settled for standing in standings):
            pool = make_pool(options.on, store, where, threads)
            stack.callback(pool.close)
            run.work(pool)
        code = overall([standing.outcome.exit_code for standing in standings])
        log(BatchFinished(code))
    tell(batch, standings, code, how)
    return code


@dataclass(frozen=True)
class Line:
    """A job in a table."""

    number: int
    clip: Path
    edits: tuple[str, ...]
    target: Path
    outcome: Outcome

    def text(self) -> str:
        """The job in one line: what to make of which clip, and where it is or why it is not."""
        name = f"{self.number:>5}  {self.clip.name}  {','.join(self.edits)}"
        if self.outcome.error is not None:
            return f"{name}  failed ({self.outcome.exit_code}): {self.outcome.error}"
        return f"{name}  {self.target}"


def tell(batch: Batch, standings: list[Standing], code: int, how: How) -> None:
    """Results to stdout; which jobs failed, and why, to stderr."""
    if how.json:
        jobs = [{"job": s.job.number, **s.outcome.as_json()} for s in standings]
        whole = {"exit_code": code, "batch": batch.id, "log": str(batch.log), "jobs": jobs}
        sys.stdout.write(json.dumps(whole, indent=2) + "\n")
    else:
        done = [s.outcome.output for s in standings if s.outcome.output is not None]
        sys.stdout.write("".join(f"{path}\n" for path in done))
    failed = [s for s in standings if s.outcome.exit_code]
    if failed:
        sys.stderr.write(f"{len(failed)} of {len(standings)} jobs failed:\n")
        for s in failed:
            line = Line(s.job.number, s.job.clip, s.job.options.edit, s.job.target, s.outcome)
            sys.stderr.write(line.text() + "\n")
        how.say(f"Try them again with: {retry_words(batch.id, batch.root)}")
