"""``pipeline bench``: comparisons that anyone can run again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from configs.bench import BenchInversion
    from configs.bench_table import Line
    from pipeline.weights import Weights

app = typer.Typer(no_args_is_help=True, help="Comparisons: small samples, resumable.")


@app.callback()
def bench() -> None:
    """Comparisons: small samples, resumable."""


@app.command()
def inversion(
    clips: Annotated[
        list[Path] | None, typer.Argument(metavar="CLIP...", help="Clips with a face each.")
    ] = None,
    inverter: Annotated[
        list[str] | None,
        typer.Option(
            help="joint, i2s, i2s++, in-domain, encoder, finetune; repeatable. Default: all.",
            metavar="NAME",
        ),
    ] = None,
    ablation: Annotated[
        bool, typer.Option("--ablation/--no-ablation", help="Ours with one part changed each.")
    ] = False,
    steps: Annotated[int, typer.Option(min=1, help="Of every optimiser, for each window.")] = 40,
    frames: Annotated[int, typer.Option(min=5, help="Of each clip, in windows of five.")] = 10,
    start: Annotated[str, typer.Option(help="encoder, or mean: where all start from.")] = "encoder",
    synthesised: Annotated[
        int, typer.Option(min=0, help="Sequences of paper 003's synthesised set as well.")
    ] = 0,
    face: Annotated[str, typer.Option(help="largest or track:N.")] = "largest",
    encoder: Annotated[
        Path | None,
        typer.Option(help="Another trained encoder than ours.", show_default=False),
    ] = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            envvar="PIPELINE_IDENTITY",
            help="MobileFaceNet checkpoint: without it there are no TL-ID and TG-ID.",
            show_default=False,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json/--no-json", help="One JSON object on stdout.")
    ] = False,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Default: all cores.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")] = False,
) -> None:
    """Run the inverters side by side on the first windows of each clip, and print the table.

    All start from the same codes and take the same number of steps. What is finished is kept: the
    same command goes on after an interruption.

    Example: pipeline bench inversion clip.mp4 --inverter joint --inverter i2s --steps 20
    """
    from pipeline.commands.bench_table import as_json, as_table
    from pipeline.interrupt import Stopped, stoppable

    try:
        with stoppable():
            settings = _settings(
                start=start, face=face, steps=steps, frames=frames, ablation=ablation,
                inverters=inverter, synthesised=synthesised,
            )  # fmt: skip
            lines, code = _carry_out(
                settings, clips or [], encoder, identity, device, threads, quiet
            )
    except Stopped as stopped:
        sys.stderr.write(f"Stopped ({stopped}). The same command goes on with what is finished.\n")
        raise typer.Exit(stopped.exit_code) from None
    text = as_json(lines, settings.model_dump(mode="json")) if json else as_table(lines)
    sys.stdout.write(text + "\n")
    if code:
        raise typer.Exit(code)


def _settings(**given: Any) -> "BenchInversion":
    from pydantic import ValidationError

    from configs.bench import BenchInversion
    from pipeline.failure import UsageError

    try:
        return BenchInversion.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        told = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError(f"--{first['loc'][0]} {first['input']!r}: {told}.") from error


def _carry_out(
    settings: "BenchInversion", clips: list[Path], encoder: Path | None, identity: Path | None,
    wanted: str, threads: int | None, quiet: bool,
) -> "tuple[list[Line], int]":  # fmt: skip
    """The table's lines, and the exit code: 8 when some of it could not be had."""
    import os

    from configs.bench_table import table
    from pipeline import device, folders, schedule
    from pipeline.allocator import keep_memory
    from pipeline.commands.clip import WorkFailed
    from pipeline.commands.given import given_file
    from pipeline.commands.weights import say
    from pipeline.failure import UsageError
    from pipeline.local import LocalPool
    from pipeline.show import Show
    from pipeline.store import Store
    from pipeline.verdict import PARTIAL
    from pipeline.weights import Weights
    from pipeline.weights import quiet as silent
    from stages.artifacts import SourceClip

    if wanted not in ("auto", "cpu", "cuda"):
        raise UsageError(f"--device {wanted!r}: auto, cpu or cuda.")
    if not clips and not settings.synthesised:
        raise UsageError("Name at least one clip, or --synthesised N.")
    where = device.choose(wanted)  # type: ignore[arg-type]  # checked above
    sources = [SourceClip(*given_file(clip)) for clip in clips]
    have = Weights(say=silent if quiet else say)
    network = None if identity is None else given_file(identity)
    plan, subjects = settings.plan(sources, have.given, _encoder(have, encoder), network)

    keep_memory()
    store = Store(folders.cache() / "work")
    cores = threads or len(os.sched_getaffinity(0))
    nodes = sum(each.stage is not None for each in plan.nodes.values())
    with (
        LocalPool(store, device=where, threads=cores) as pool,
        Show("bench", nodes=nodes, verbosity=-1 if quiet else 0) as show,
    ):
        done = schedule.run(plan, store, pool, show)
    results: dict[Any, Any] = {}
    for subject in subjects:
        results[subject.row] = subject.note
        if subject.node:
            try:
                results[subject.row] = done.load(subject.node, store)
            except LookupError:
                told = next(f for f in done.failures if f.node == subject.node)
                results[subject.row] = told.text
    if done.failures and all(isinstance(found, str) for found in results.values()):
        raise WorkFailed(done.failures[0])
    return table(results), PARTIAL if done.failures else 0


def _encoder(have: "Weights", file: Path | None) -> tuple[Path, str] | None:
    """The encoder's file and sha256: the named one, or ours where it is shipped."""
    from configs.inversion import ENCODER
    from pipeline.commands.given import given_file
    from pipeline.failure import MissingDependency, UsageError

    if file is not None:
        return given_file(file)
    try:
        folder, sha256 = have.given(ENCODER)
    except (MissingDependency, UsageError):
        return None
    return folder / "encoder.safetensors", sha256
