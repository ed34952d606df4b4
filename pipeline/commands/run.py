"""``pipeline run``: the flags. What they set in motion is in ``job``."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.flags import (
    End,
    Json,
    On,
    Overwrite,
    OwnDirections,
    Precision,
    Quiet,
    SharedThrough,
    Start,
    Threads,
    Verbose,
    WeightsFrom,
    WorkDir,
    opt,
    resumable,
)

Clips = Annotated[
    list[Path] | None,
    typer.Argument(metavar="CLIP...", help="The clips or photos to edit.", show_default=False),
]


def run(
    clips: Clips = None,
    edit: Annotated[
        list[str] | None,
        opt(
            "--edit",
            help="NAME=STRENGTH, repeatable or a comma list: age=+2, age=-10y; help lists.",
            metavar="EDIT",
        ),
    ] = None,
    direction: OwnDirections = None,
    output: Annotated[
        str | None,
        opt(
            "--output",
            "-o",
            help="File or folder. Default: NAME.age+2.EXT beside the clip.",
            metavar="OUT",
        ),
    ] = None,
    transfer: Annotated[
        list[str] | None,
        opt(
            "--transfer",
            help="Give the face the motion of another clip's: REF, REF@T0-T1 or FILE.safetensors.",
            metavar="REF",
        ),
    ] = None,
    transfer_mode: Annotated[
        list[str] | None,
        opt("--transfer-mode", help="motion (default) or change: last frame against first."),
    ] = None,
    transfer_what: Annotated[
        list[str] | None,
        opt("--transfer-what", help="mouth (default), smile, yaw, rows:A-B, a list of them, all."),
    ] = None,
    transfer_strength: Annotated[
        list[float] | None,
        opt("--transfer-strength", help="1 (default): as much as in the reference.", metavar="S"),
    ] = None,
    transfer_end: Annotated[
        list[str] | None,
        opt("--transfer-end", help="Of a shorter reference: hold its last frame (default), loop."),
    ] = None,
    face: Annotated[
        str | None,
        opt("--face", help="largest (default), all, track:N or like:PHOTO.", metavar="FACE"),
    ] = None,
    identity: Annotated[
        Path | None,
        opt("--identity", help="MobileFaceNet checkpoint, by which like:PHOTO is known again."),
    ] = None,
    start: Start = None,
    end: End = None,
    preset: Annotated[
        str | None,
        opt("--preset", help="draft or standard (default).", metavar="PRESET"),
    ] = None,
    device: Annotated[
        str | None,
        opt(
            "--device", help="auto (default), cpu or cuda; cuda never falls back.", metavar="DEVICE"
        ),
    ] = None,
    precision: Precision = None,
    on: On = None,
    codec: Annotated[
        str | None,
        opt("--codec", help="Video encoder. Default: the clip's own kind.", metavar="NAME"),
    ] = None,
    crf: Annotated[
        float | None, opt("--crf", help="The encoder's quality, lower is better.", metavar="N")
    ] = None,
    compare: Annotated[
        bool | None, opt("--compare/--no-compare", help="Source and result side by side.")
    ] = None,
    clamp: Annotated[
        bool | None,
        opt("--clamp/--no-clamp", help="Keep edits inside the safe range of each face."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run/--no-dry-run", help="Check and show the plan; write nothing.")
    ] = False,
    json: Json = False,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Also write OUT.json: what was done.")
    ] = False,
    overwrite: Overwrite = False,
    restart: Annotated[
        bool, typer.Option("--restart/--no-restart", help="Discard earlier work on these clips.")
    ] = False,
    work_dir: WorkDir = None,
    store: SharedThrough = None,
    profile: Annotated[
        bool | None, opt("--profile/--no-profile", help="Say how long each stage took.")
    ] = None,
    threads: Threads = None,
    strict: Annotated[
        bool | None,
        opt("--strict/--no-strict", help="End with 8 when frames passed through unedited."),
    ] = None,
    weights: WeightsFrom = None,
    config: Annotated[
        Path | None,
        opt("--config", help="YAML or TOML with these options as keys.", metavar="FILE"),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Edit a face in one or more clips or photos.

    Each result's path goes to stdout, everything else to stderr. A run that was interrupted resumes
    when the same command is given again.

    Example: pipeline run clip.mp4 --edit age=+2 --preset draft
    """
    import os

    from pipeline.commands.job import Request, execute, resume_command
    from pipeline.options import resolve
    from pipeline.weights import parse_named

    flags: dict[str, object] = {
        "edit": edit,
        "direction": direction,
        "transfer": transfer,
        "transfer_mode": transfer_mode,
        "transfer_what": transfer_what,
        "transfer_strength": transfer_strength,
        "transfer_end": transfer_end,
        "face": face,
        "identity": identity,
        "start": start,
        "end": end,
        "preset": preset,
        "precision": precision,
        "device": device,
        "on": on,
        "codec": codec,
        "crf": crf,
        "compare": compare,
        "clamp": clamp,
        "work_dir": work_dir,
        "store": store,
        "profile": profile,
        "threads": threads,
        "strict": strict,
        "weights": parse_named(weights) if weights else None,
    }
    options = resolve(flags, config, os.environ, Path.cwd())
    request = Request(
        clips=tuple(clips or ()),
        options=options,
        output=output,
        dry_run=dry_run,
        json=json,
        report=report,
        overwrite=overwrite,
        restart=restart,
        verbosity=-1 if quiet else verbose,
    )
    with resumable(f"Finished work is kept; go on with:\n  {resume_command(sys.argv[1:])}"):
        code = execute(request)
    if code:
        raise typer.Exit(code)
