"""``pipeline preview``: a few frames by several strengths, before a run is made."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from pipeline.commands.flags import (
    Overwrite,
    OwnDirections,
    Precision,
    Profile,
    Quiet,
    Threads,
    WorkDir,
    resumable,
)

if TYPE_CHECKING:
    from configs.preview import PreviewClip


def preview(
    clip: Annotated[Path, typer.Argument(metavar="CLIP", help="The clip or photo to look at.")],
    edit: Annotated[
        list[str],
        typer.Option(
            help="As for run; one may be a range: age=-3..3, age=-20y..20y.", metavar="EDIT"
        ),
    ],
    direction: OwnDirections = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A PNG. Default: NAME.EDIT.preview.png beside it."),
    ] = None,
    strengths: Annotated[int, typer.Option(help="How many a range has, 2 to 25.")] = 7,
    frames: Annotated[
        int, typer.Option(min=1, max=24, help="Frames, at even distances over the clip.")
    ] = 1,
    at: Annotated[
        list[str] | None,
        typer.Option(
            help="This time instead, in seconds or as a timecode; repeatable.", metavar="TIME"
        ),
    ] = None,
    face: Annotated[str, typer.Option(help="largest, all, or track:N.")] = "largest",
    preset: Annotated[str, typer.Option(help="draft or standard.")] = "draft",
    precision: Precision = None,
    overwrite: Overwrite = False,
    work_dir: WorkDir = None,
    threads: Threads = None,
    profile: Profile = False,
    quiet: Quiet = False,
) -> None:
    """Draw a strip: the source and several strengths of an edit, as a run would show them.

    Only the frames in the strip are inverted, so it takes seconds. A face named as track:N is
    looked for in the whole clip first; pipeline faces, which shows the numbers, has done that.

    Example: pipeline preview clip.mp4 --edit age=-3..3
    """
    from pipeline.commands.given import check_png, given_file
    from pipeline.commands.make import make
    from pipeline.commands.weights import say
    from pipeline.precision import Wanted, choose
    from pipeline.weights import Weights
    from pipeline.weights import quiet as silent

    label = re.sub(r"[^A-Za-z0-9+.=-]", "_", ",".join(edit))[:80]
    target = output or clip.with_name(f"{clip.stem}.{label}.preview.png")
    with resumable():
        times = [_seconds(text) for text in at or ()]
        path, digest = given_file(clip)
        check_png(target, (clip,), overwrite=overwrite)
        settings = _settings(
            edits=edit, directions=direction or (), strengths=strengths, frames=frames, at=times,
            face=face, preset=preset,
            precision=choose(cast(Wanted, precision or "auto"), "cpu"),  # which is where it runs
        )  # fmt: skip

        from stages.artifacts import SourceClip

        weights = Weights(say=silent if quiet else say)
        made = make(
            settings.plan(SourceClip(path, digest), weights.given),
            "strip",
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


def _settings(**given: object) -> "PreviewClip":
    from pydantic import ValidationError

    from configs.preview import PreviewClip
    from pipeline.failure import UsageError

    try:
        settings = PreviewClip.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"--{first['loc'][0]} {first['input']!r}: {first['msg']}.") from error
    assert settings.shown  # raises what is wrong with the edits
    return settings


def _seconds(text: str) -> object:
    from pipeline.failure import UsageError
    from pipeline.options import seconds

    try:
        return seconds(text)
    except ValueError as error:
        raise UsageError(f"--at {text!r} {error}.") from error
