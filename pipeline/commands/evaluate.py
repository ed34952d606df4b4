"""``pipeline evaluate``: a result beside its source, in figures."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.flags import Identity, Json, Quiet, Threads, WeightsFrom, WorkDir, resumable

if TYPE_CHECKING:
    from pipeline.plan import Plan


def evaluate(
    source: Annotated[Path, typer.Argument(metavar="SRC", help="The clip before.")],
    result: Annotated[Path, typer.Argument(metavar="OUT", help="The same clip after.")],
    face: Annotated[str, typer.Option(help="largest, all, or track:N.")] = "largest",
    start: Annotated[
        str | None,
        typer.Option(help="OUT shows SRC from here: seconds or a timecode.", show_default=False),
    ] = None,
    end: Annotated[str | None, typer.Option(help="As --start.", show_default=False)] = None,
    identity: Identity = None,
    weights: WeightsFrom = None,
    json: Json = False,
    work_dir: WorkDir = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Measure OUT against SRC: fidelity, likeness, identity and steadiness.

    The clips must show the same moments in the same size. Faces are found in SRC. What does not
    depend on OUT is kept in the work folder, where a run on SRC may have left it.

    Example: pipeline evaluate clip.mp4 clip.age+2.mp4
    """
    from pipeline.commands.figures import as_json, as_table

    with resumable():
        plan = _plan(source, result, face, start, end, identity, weights, quiet)
        made = _carry_out(plan, result.name, work_dir, threads, -1 if quiet else 0)
    text = as_json(made, source, result) if json else as_table(made)
    sys.stdout.write(text + "\n")


def _plan(
    source: Path, result: Path, face: str, start: str | None, end: str | None,
    identity: Path | None, weights: list[str] | None, quiet: bool,
) -> "Plan":  # fmt: skip
    from pipeline.commands.at_hand import at_hand
    from pipeline.commands.given import given_file
    from pipeline.commands.weights import say
    from pipeline.weights import Weights, parse_named
    from pipeline.weights import quiet as silent

    # What is quickly seen to be wrong comes before torch is loaded.
    times = {"start": _seconds("--start", start), "end": _seconds("--end", end)}
    named = parse_named(weights or ())
    digests = [given_file(path)[1] for path in (source, result)]
    network = None if identity is None else given_file(identity)

    from pydantic import ValidationError

    from configs.evaluate import EvaluateClip
    from pipeline.failure import UsageError
    from stages.artifacts import SourceClip

    try:
        settings = EvaluateClip.model_validate({"face": face, **times})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{first['loc'][0]} {first['input']!r}: {first['msg']}.") from error
    before, after = (
        SourceClip(path.resolve(), digest)
        for path, digest in zip((source, result), digests, strict=True)
    )
    have = Weights(named=named, say=silent if quiet else say)
    return settings.plan(before, after, have.given, network, at_hand(have))


def _seconds(flag: str, text: str | None) -> object:
    from pipeline.failure import UsageError
    from pipeline.options import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r} {error}.") from error


def _carry_out(
    plan: "Plan", name: str, work_dir: Path | None, threads: int | None, verbosity: int
) -> Any:
    import os

    from configs.evaluate import EvaluateClip
    from pipeline import schedule
    from pipeline.allocator import keep_memory
    from pipeline.commands.clip import WorkFailed
    from pipeline.local import LocalPool
    from pipeline.options import work_folder
    from pipeline.show import Show
    from pipeline.store import Store

    keep_memory()
    store = Store(work_folder(work_dir))
    cores = threads or len(os.sched_getaffinity(0))
    nodes = sum(each.stage is not None for each in plan.nodes.values())
    with (
        LocalPool(store, device="cpu", threads=cores) as pool,
        Show(name, nodes=nodes, verbosity=verbosity) as show,
    ):
        for targets in (EvaluateClip.gates, ("evaluation",)):
            done = schedule.run(plan, store, pool, show, targets=targets)
            if done.failures:
                raise WorkFailed(done.failures[0])
    return done.load("evaluation", store)
