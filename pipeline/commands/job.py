"""What ``pipeline run`` does once its options are known: clips in, results out, one by one."""

import json
import os
import shlex
import sys
import traceback
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline import device, output
from pipeline.commands.clip import (
    Outcome,
    WorkFailed,
    check,
    check_space,
    look,
    make_plan,
    settings,
    work,
)
from pipeline.face_list import photographs_of
from pipeline.failure import MissingDependency, OutputRefused, UsageError
from pipeline.options import RunOptions, work_folder
from pipeline.reference import Reference
from pipeline.show import Show, profile
from pipeline.verdict import FAULT, exit_code, overall, sentence
from pipeline.weights import Weights

if TYPE_CHECKING:
    from pipeline.pool import Pool
    from pipeline.store import Store


@dataclass(frozen=True)
class Request:
    """One call of ``pipeline run``. ``verbosity``: -1 errors only, 0, 1 stages, 2 tracebacks."""

    clips: tuple[Path, ...]
    options: RunOptions
    output: str | None = None
    dry_run: bool = False
    json: bool = False
    report: bool = False
    overwrite: bool = False
    restart: bool = False
    verbosity: int = 0

    def say(self, sentence: str) -> None:
        """Tell the user what is no result, unless only errors are wanted."""
        if self.verbosity >= 0:
            sys.stderr.write(sentence + "\n")


def resume_command(arguments: Sequence[str]) -> str:
    """The command that goes on where this one stopped, for a shell."""
    return shlex.join(["pipeline", *(a for a in arguments if a != "--restart")])


def execute(request: Request) -> int:
    """Run a request to its end. One clip that fails does not stop the others.

    Returns:
        The exit code (README, "Exit codes").

    Raises:
        PipelineError: the request as a whole cannot be done; nothing was begun.
    """
    options = request.options
    if "help" in options.edit:
        from configs.edit import edit_help

        sys.stdout.write(edit_help(options.direction).rstrip() + "\n")
        return 0
    if not request.clips:
        raise UsageError("No clip was given: pipeline run CLIP --edit age=+2.")
    if not options.edit and not options.transfer:
        raise UsageError("No edit was given: --edit age=+2, or --edit help for what there is.")
    references = tuple(Reference.parse(text).path for text in options.transfer)
    named = (*options.edit, *(f"like-{path.stem}" for path in references))
    targets = output.targets(request.clips, request.output, named, compare=options.compare)
    where = device.choose(options.device)
    # A Ray worker's own share of its node's cores is 0: what a stage asks for.
    threads = options.threads or (len(os.sched_getaffinity(0)) if options.on == "local" else 0)
    told = f"{threads or 'as many as asked for'} threads, {options.chosen_precision}, {options.on}"
    request.say(f"Device: {where}, {told}.")
    weights = Weights(named=options.weights, say=request.say)
    kind = _Looker if request.dry_run else _Editor
    with ExitStack() as stack:
        job = kind(request, weights, where, threads)
        if options.on == "ray":
            stack.enter_context(job)  # Ray comes while what the check needs is imported
        for target in targets:
            settings(options, target)  # what is not permitted is said before any clip is read
        if options.on != "ray":
            stack.enter_context(job)
        job.wait()
        outcomes = [job.do(*pair) for pair in zip(request.clips, targets, strict=True)]
    code = overall([outcome.exit_code for outcome in outcomes])
    if request.json:
        whole = {
            "exit_code": code,
            "device": where,
            "threads": threads,
            "precision": options.chosen_precision,
            "on": options.on,
        }
        results = {"results": [outcome.as_json() for outcome in outcomes]}
        sys.stdout.write(json.dumps(whole | results, indent=2) + "\n")
    return code


class _Job:
    """What is done to each clip, with whatever goes wrong as its outcome."""

    def __init__(self, request: Request, weights: Weights, where: str, threads: int) -> None:
        self.request = request
        self.weights = weights
        self.where = where
        self.threads = threads

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def do(self, clip: Path, target: Path) -> Outcome:
        """Do it. Only a stop of the whole program gets through."""
        outcome, trace = Outcome(clip), ""
        try:
            options = self.request.options
            references = (Reference.parse(text).path for text in options.transfer)
            photographs = map(Path, photographs_of(options.face))
            inputs = (*self.request.clips, *references, *photographs)
            check(clip, target, inputs, overwrite=self.request.overwrite)
            self.one(outcome, target)
        except Exception as error:
            outcome.exit_code, outcome.error = exit_code(error), sentence(error)
            trace = error.failure.traceback if isinstance(error, WorkFailed) else ""
            trace = trace or traceback.format_exc()
        if outcome.error:
            if outcome.exit_code == FAULT or self.request.verbosity > 1:
                sys.stderr.write(trace)
            sys.stderr.write(f"pipeline: {clip}: {outcome.error}\n")
        return outcome

    def wait(self) -> None:
        """Until it can begin.

        Raises:
            MissingDependency: it never can.
        """

    def one(self, outcome: Outcome, target: Path) -> None:
        """What is done to one clip."""
        raise NotImplementedError


class _Looker(_Job):
    """``--dry-run``: checks, the plan, and a look at the clip. Keeps and downloads nothing."""

    def one(self, outcome: Outcome, target: Path) -> None:
        absent = []

        def give(name: str) -> tuple[Path, str]:
            entry = self.weights.manifest.find(name)
            if self.weights.state(entry) != "ready":
                absent.append(f"{name} ({entry.size / 1e6:.0f} MB, {entry.source})")
            return self.weights.place(entry), entry.sha256

        edit = settings(self.request.options, target)
        plan, _ = make_plan(edit, outcome.clip, give)
        self.request.say(f"{outcome.clip} -> {target}")
        self.request.say(plan.describe())
        for each in absent:
            self.request.say(f"The run would first take the weights {each}.")
        if not absent:
            self.request.say(look(edit, plan, self.where, self.threads))


class _Editor(_Job):
    """The real thing. Holds the store, and one pool, so that models are loaded once."""

    def __enter__(self) -> Self:
        from pipeline.allocator import keep_memory
        from pipeline.shared_store import open_store

        keep_memory()
        options = self.request.options
        root = work_folder(options.work_dir)
        try:
            self.store = open_store(root, options.store)
        except OSError as error:
            raise OutputRefused(f"The work folder {root} is not usable: {error}.") from error
        self.pool = make_pool(options.on, self.store, self.where, self.threads)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pool.close()

    def wait(self) -> None:
        self.pool.expect(())

    def one(self, outcome: Outcome, target: Path) -> None:
        request, options = self.request, self.request.options
        check_space(outcome.clip, target, self.store.root)
        edit = settings(options, target)
        plan, key = make_plan(edit, outcome.clip, self.weights.given)
        if request.restart:
            from pipeline.restart import forget

            request.say(f"Discarded {forget(self.store, key)} earlier results of {outcome.clip}.")
        nodes = sum(node.stage is not None for node in plan.nodes.values())
        show = Show(outcome.clip.name, nodes=nodes, verbosity=request.verbosity)
        try:
            with show:
                work(
                    plan,
                    target,
                    outcome,
                    self.store,
                    self.pool,
                    show,
                    edit=edit,
                    overwrite=request.overwrite,
                    strict=options.strict,
                    report=request.report,
                )
        finally:
            if options.profile:
                request.say(profile(outcome.stages))
        for line in outcome.report.get("beyond_safe_range", ()):
            request.say(line)
        if outcome.output and not request.json:
            sys.stdout.write(f"{outcome.output}\n")
            sys.stdout.flush()


def make_pool(on: str, store: "Store", where: str, threads: int) -> "Pool":
    """Who does the work. On Ray it may still be coming: what is slow to import comes meanwhile.

    Raises:
        MissingDependency: ray was asked for and is not installed.
    """
    if on == "local":
        from pipeline.local import LocalPool

        return LocalPool(store, device=where, threads=threads)
    from pipeline.ahead import Ahead

    try:
        from pipeline.cluster import RayPool
    except ImportError as error:
        raise MissingDependency(
            f"--on ray needs ray ({error}): install this program with its extra [ray]."
        ) from error
    return Ahead(lambda: RayPool(store, device=where, threads=threads))
