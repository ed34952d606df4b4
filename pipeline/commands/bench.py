"""``pipeline bench``: comparisons that anyone can run again."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.bench_options import Device, Encoder
from pipeline.commands.flags import Json, Quiet, Threads, WorkDir, resumable
from pipeline.commands.paper_003 import paper_003

if TYPE_CHECKING:
    from configs.bench import BenchInversion
    from stages.artifacts import SourceClip

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
    steps: Annotated[
        list[int] | None,
        typer.Option(
            help="Of every optimiser, for each window; repeatable. Default: 40.", metavar="N"
        ),
    ] = None,
    frames: Annotated[int, typer.Option(min=5, help="Of each clip, in windows of five.")] = 10,
    start: Annotated[
        list[str] | None,
        typer.Option(
            help="encoder, or mean: where all start from; repeatable. Default: encoder.",
            metavar="NAME",
        ),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            help="fp32 or bf16, of the generator's features; repeatable. Default: fp32.",
            metavar="KIND",
        ),
    ] = None,
    start_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="First round of the encoder's start. Default: as `run` has.",
            metavar="N",
        ),
    ] = None,
    synthesised: Annotated[
        int, typer.Option(min=0, help="Sequences of paper 003's synthesised set as well.")
    ] = 0,
    curved: Annotated[
        int, typer.Option(min=0, help="Sequences of its second set, whose paths are not straight.")
    ] = 0,
    edits: Annotated[
        bool, typer.Option("--edits/--no-edits", help="Figures of edits of the clips as well.")
    ] = False,
    lec: Annotated[
        bool,
        typer.Option("--lec/--no-lec", help="Latent editing consistency: everything done twice."),
    ] = False,
    face: Annotated[str, typer.Option(help="largest or track:N.")] = "largest",
    encoder: Encoder = None,
    identity: Annotated[
        Path | None,
        typer.Option(
            envvar="PIPELINE_IDENTITY",
            help="MobileFaceNet checkpoint: without it there are no TL-ID and TG-ID.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
    work_dir: WorkDir = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Run the inverters side by side on the first windows of each clip, and print the table.

    All start from the same codes and take the same number of steps. What is finished is kept: the
    same command goes on after an interruption.

    Example: pipeline bench inversion clip.mp4 --inverter joint --inverter i2s --steps 20
    """
    from pipeline.commands.bench_work import Machine, carry_out, given_files
    from pipeline.failure import UsageError

    machine = Machine(device, threads, work_dir, quiet)
    machine.check()
    with resumable():
        settings = _settings(
            start=start, start_steps=start_steps, face=face, steps=steps, frames=frames,
            ablation=ablation, inverters=inverter, precision=precision, synthesised=synthesised,
            curved=curved, edits=edits, lec=lec,
        )  # fmt: skip
        if not clips and not settings.synthesised and not settings.curved:
            raise UsageError("Name at least one clip, or --synthesised N.")
        built = settings.build(sources(clips), given_files(encoder, identity, quiet=quiet))
        found = carry_out(built, machine)

    from configs.bench_plan import bench_directions
    from configs.bench_table import table
    from pipeline.commands.bench_table import as_json, as_table
    from pipeline.verdict import PARTIAL

    results = {s.row: found.of(s.node) if s.node else s.note for s in built.subjects}
    found.refuse_nothing(list(results.values()))
    lines = table(results)
    edited = settings.synthesised or settings.curved or settings.edits or settings.lec
    names = [d.name for d in bench_directions()] if edited else []
    text = as_json(lines, settings.model_dump(mode="json")) if json else as_table(lines, names)
    sys.stdout.write(text + "\n")
    if found.partial:
        raise typer.Exit(PARTIAL)


app.command("paper-003")(paper_003)


def sources(clips: list[Path] | None) -> "list[SourceClip]":
    """The clips that a user names. Raises InputError when one cannot be read."""
    from pipeline.commands.given import given_file
    from stages.artifacts import SourceClip

    return [SourceClip(*given_file(clip)) for clip in clips or ()]


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
