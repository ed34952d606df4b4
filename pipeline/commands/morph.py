"""``pipeline morph``: one face becomes another."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.flags import Identity, Overwrite, Quiet, Threads, WorkDir, resumable


def morph(
    first: Annotated[
        str, typer.Argument(metavar="A", help="A photo, or a moment of a clip: clip.mp4@1.5.")
    ],
    second: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="MP4 to write. Default: A-to-B.mp4 beside A."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long it lasts.")] = 2.0,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = 25.0,
    preset: Annotated[str, typer.Option(help="draft or standard.")] = "standard",
    pace: Annotated[
        str, typer.Option(help="even: as the eye sees it; linear: as the code goes.")
    ] = "even",
    identity: Identity = None,
    overwrite: Overwrite = False,
    work_dir: WorkDir = None,
    threads: Threads = None,
    quiet: Quiet = False,
) -> None:
    """Morph the largest face of one picture into that of another.

    Both are inverted together, and what lies between their codes is rendered: the whole aligned
    crop, with nothing of the pictures themselves. Says how evenly the face changes.

    Example: pipeline morph anna.jpg talk.mp4@1.5 --seconds 3
    """
    from pipeline.commands.clip import WorkFailed
    from pipeline.commands.given import given_file
    from pipeline.commands.make import make
    from pipeline.failure import OutputRefused
    from pipeline.moment import Moment

    a, b = Moment.parse(first), Moment.parse(second)
    target = output or a.path.with_name(f"{a.path.stem}-to-{b.path.stem}.mp4")
    if target.suffix.lower() != ".mp4":
        raise OutputRefused(f"{target} is no name of an MP4: it has to end with .mp4.")
    network = None if identity is None else given_file(identity)

    from pydantic import ValidationError

    from configs.morph import Morph, told
    from pipeline.failure import UsageError
    from pipeline.weights import Weights

    given = {"seconds": seconds, "fps": fps, "preset": preset, "pace": pace}
    try:
        settings = Morph.model_validate(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UsageError(f"--{wrong['loc'][0]} {wrong['input']!r}: {wrong['msg']}.") from error
    plan = settings.plan(a, b, Weights().given, network)
    try:
        with resumable():
            made = make(
                plan, "morph", target, overwrite=overwrite, inputs=(a.path, b.path),
                work_dir=work_dir, threads=threads, verbosity=-1 if quiet else 0,
            )  # fmt: skip
    except WorkFailed as error:
        from dataclasses import replace

        raise WorkFailed(replace(error.failure, text=told(error.failure, a, b))) from error
    if not quiet:
        sys.stderr.write(_table(made))


def _table(made: Any) -> str:
    lines = ["measure                      steps  mean step  spread  largest   A to B"]
    lines += [
        f"{f.name:28} {f.steps:5}  {f.mean:9.4f}  {f.spread:6.2f}  "
        f"{f.worst:5.2f}x at frame {f.worst_frame}  {f.whole:.3f}"
        for f in made.figures
    ]
    return "\n".join(lines) + "\n"
