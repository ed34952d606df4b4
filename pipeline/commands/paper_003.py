"""``pipeline bench paper-003``: the paper's tables on our generator, beside its own."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.bench_options import Device, Encoder
from pipeline.commands.flags import Json, Quiet, Threads, WorkDir, resumable

if TYPE_CHECKING:
    from configs.paper_003 import Paper003


def paper_003(
    clips: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="CLIP...", help="Real clips with a face each, for tables 1, 2, 4, 6 and 7."
        ),
    ] = None,
    table: Annotated[
        list[int] | None,
        typer.Option(help="1 to 8; repeatable. Default: all.", metavar="N", show_default=False),
    ] = None,
    samples: Annotated[
        int, typer.Option(min=1, help="Sequences of five of each synthesised set.")
    ] = 4,
    steps: Annotated[int, typer.Option(min=1, help="Of every optimiser, for each window.")] = 20,
    frames: Annotated[int, typer.Option(min=5, help="Of each clip, in windows of five.")] = 5,
    start: Annotated[str, typer.Option(help="encoder, or mean as in the paper.")] = "encoder",
    face: Annotated[str, typer.Option(help="largest or track:N.")] = "largest",
    encoder: Encoder = None,
    json: Json = False,
    work_dir: WorkDir = None,
    device: Device = "auto",
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Print the tables of "From Continuity to Editability" (ICCV 2021) with our rows beside them.

    Small samples: N and spread are printed. What is finished is kept: the same command goes on
    after an interruption.

    Example: pipeline bench paper-003 --table 3 --samples 8
    """
    from pipeline.commands.bench import sources
    from pipeline.commands.bench_work import Machine, carry_out, given_files

    machine = Machine(device, threads, work_dir, quiet)
    machine.check()
    with resumable():
        settings = _settings(
            tables=tuple(table) if table else None, samples=samples, steps=steps,
            frames=frames, start=start, face=face,
        )  # fmt: skip
        given = given_files(encoder, None, quiet=quiet)
        bench, morphs = settings.build(sources(clips), given)
        found = carry_out(bench, machine)

    from configs.bench_plan import bench_directions
    from configs.paper_003 import OURS
    from configs.paper_003_figures import SETS
    from pipeline.commands.paper_table import as_json, as_text
    from pipeline.verdict import PARTIAL

    found.refuse_nothing([found.of(s.node) if s.node else s.note for s in bench.subjects])
    tables = settings.compare(bench, morphs, found.of)
    if json:
        text = as_json(tables, settings.model_dump(mode="json"))
    else:
        text = as_text(tables, OURS, SETS, [each.name for each in bench_directions()])
    sys.stdout.write(text + "\n")
    if found.partial:
        raise typer.Exit(PARTIAL)


def _settings(**given: Any) -> "Paper003":
    from pydantic import ValidationError

    from configs.paper_003 import Paper003
    from pipeline.failure import UsageError

    try:
        return Paper003.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        first = error.errors()[0]
        told = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise UsageError(f"--{first['loc'][0]} {first['input']!r}: {told}.") from error
