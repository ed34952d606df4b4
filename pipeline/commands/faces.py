"""``pipeline faces``: who is in a clip, with the numbers that ``--face track:N`` takes."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.flags import (
    End,
    Overwrite,
    Profile,
    Quiet,
    Start,
    Threads,
    WorkDir,
    resumable,
)

if TYPE_CHECKING:
    from pipeline.plan import Plan


def faces(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip or photo to look at.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A PNG. Default: NAME.faces.png beside the clip."),
    ] = None,
    start: Start = None,
    end: End = None,
    overwrite: Overwrite = False,
    work_dir: WorkDir = None,
    threads: Threads = None,
    profile: Profile = False,
    quiet: Quiet = False,
) -> None:
    """Draw a contact sheet of the faces in CLIP: a row a track, with its number and its times.

    What is found is kept, and a run on the clip begins with it.

    Example: pipeline faces clip.mp4 && pipeline run clip.mp4 --face track:1 --edit age=+2
    """
    from pipeline.commands.make import make

    target = output or clip.with_name(f"{clip.stem}.faces.png")
    with resumable():
        made = make(
            _plan(clip, target, start, end, overwrite=overwrite, quiet=quiet),
            "sheet",
            target,
            overwrite=overwrite,
            inputs=(clip,),
            work_dir=work_dir,
            threads=threads,
            verbosity=-1 if quiet else 0,
            timed=profile,
        )
    if not quiet:
        sys.stderr.write("\n".join(made.told) + "\n")


def _plan(
    clip: Path, target: Path, start: str | None, end: str | None, *, overwrite: bool, quiet: bool
) -> "Plan":
    from pipeline.commands.given import check_png, given_file, time_range
    from pipeline.commands.weights import say
    from pipeline.weights import Weights
    from pipeline.weights import quiet as silent

    # What is quickly seen to be wrong comes before torch is loaded.
    times = time_range(start, end)
    path, digest = given_file(clip)
    check_png(target, (clip,), overwrite=overwrite)

    from configs.faces import ShowFaces
    from stages.artifacts import SourceClip

    weights = Weights(say=silent if quiet else say)
    return ShowFaces.model_validate(times).plan(SourceClip(path, digest), weights.given)
