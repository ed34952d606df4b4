"""``pipeline batch``, and what concerns a batch that was begun: status, retry, cancel."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.flags import (
    Json,
    On,
    Overwrite,
    OwnDirections,
    Precision,
    Quiet,
    SharedThrough,
    Threads,
    Verbose,
    WorkDir,
    opt,
    resumable,
)

if TYPE_CHECKING:
    from pipeline.job_file import JobFile

Id = Annotated[
    str | None,
    typer.Argument(
        metavar="BATCH", help="First letters of its id. Default: the last one.", show_default=False
    ),
]


def batch(
    given: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[JOBS.yaml] [CLIP...]",
            help="A job file (.yaml, .yml, .json), clips, or a job file and its clips.",
            show_default=False,
        ),
    ] = None,
    edit: Annotated[
        list[str] | None,
        opt(
            "--edit",
            help="Without a job file: one output per clip and --edit; age=+2,smile=+1 is one.",
            metavar="EDIT",
        ),
    ] = None,
    direction: OwnDirections = None,
    output: Annotated[
        str | None,
        opt(
            "--output",
            "-o",
            help="Without a job file: template, as {folder}/{stem}.{edits}{ext}.",
            metavar="TEMPLATE",
        ),
    ] = None,
    root: Annotated[
        list[Path] | None,
        opt("--root", help="A job file may read and write here too; repeatable.", metavar="DIR"),
    ] = None,
    preset: Annotated[
        str | None, opt("--preset", help="draft or standard (default).", metavar="PRESET")
    ] = None,
    precision: Precision = None,
    identity: Annotated[
        Path | None, opt("--identity", help="MobileFaceNet checkpoint, for faces like:PHOTO.")
    ] = None,
    on: On = None,
    device: Annotated[
        str | None, opt("--device", help="auto (default), cpu or cuda.", metavar="DEVICE")
    ] = None,
    threads: Threads = None,
    strict: Annotated[
        bool | None,
        opt("--strict/--no-strict", help="A job fails (8) when frames passed through unedited."),
    ] = None,
    overwrite: Overwrite = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run/--no-dry-run", help="Show the jobs; write nothing.")
    ] = False,
    json: Json = False,
    work_dir: WorkDir = None,
    store: SharedThrough = None,
    config: Annotated[
        Path | None,
        opt("--config", help="YAML or TOML with options as keys.", metavar="FILE"),
    ] = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Edit many clips as one plan: what jobs share is done once, and none spoils another.

    Each result's path goes to stdout. Ends with 8 and a table when some jobs failed. Given again,
    the same jobs go on where they were stopped, and finished ones are left alone.

    Example: pipeline batch jobs.yaml --on ray
    """
    import os

    from pipeline.batch import BatchRecord
    from pipeline.commands.batch_job import How, execute, look
    from pipeline.failure import UsageError
    from pipeline.job_file import read_job_file
    from pipeline.jobs import expand
    from pipeline.options import resolve, work_folder

    flags: dict[str, object] = {
        "direction": direction,
        "preset": preset,
        "precision": precision,
        "identity": identity,
        "on": on,
        "device": device,
        "threads": threads,
        "strict": strict,
        "work_dir": work_dir,
        "store": store,
    }
    options = resolve(flags, config, os.environ, Path.cwd())
    clips = list(given or ())
    named = bool(clips) and clips[0].suffix.lower() in (".yaml", ".yml", ".json")
    source = clips.pop(0) if named else None
    if source is None:
        file, roots = _of_the_command_line(clips, edit or list(options.edit), output), None
        base = Path.cwd()
    else:
        if edit or output:
            raise UsageError("With a job file, edits and the output's template are said in it.")
        file, roots, base = read_job_file(source), list(root or ()), source.resolve().parent
    jobs = expand(file, base, options, clips, roots)
    record = BatchRecord.of(str(source or ""), options, jobs, overwrite=overwrite)
    how = How(json, -1 if quiet else verbose)
    if dry_run:
        code = look(record, how)
    else:
        root_folder = work_folder(options.work_dir)
        code = _to_the_end(lambda: execute(record, root_folder, how), record.id, root_folder)
    if code:
        raise typer.Exit(code)


def _of_the_command_line(clips: list[Path], edits: list[str], output: str | None) -> "JobFile":
    """One entry: each ``--edit`` makes an output of each clip."""
    from pydantic import ValidationError

    from pipeline.failure import UsageError
    from pipeline.job_file import Entry, JobFile, told

    if not clips:
        raise UsageError("No job file and no clip was given: pipeline batch jobs.yaml.")
    if not edits:
        raise UsageError("No edit was given: --edit age=+2, or a job file.")
    if output is not None and (output.endswith("/") or Path(output).is_dir()):
        output = output.rstrip("/") + "/{stem}.{edits}{ext}"
    try:
        return JobFile(jobs=(Entry.model_validate({"edits": edits, "output": output}),))
    except ValidationError as error:
        raise UsageError(f"On the command line, {told(error)}") from error


def retry(
    name: Id = None,
    on: On = None,
    threads: Threads = None,
    json: Json = False,
    work_dir: WorkDir = None,
    quiet: Quiet = False,
    verbose: Verbose = 0,
) -> None:
    """Go on with a batch: jobs that failed or were not finished are tried again.

    Example: pipeline retry 3f2a
    """
    from pipeline.batch import Batch
    from pipeline.commands.batch_job import How, execute
    from pipeline.options import RunOptions, work_folder

    folder = work_folder(work_dir)
    found = Batch.find(folder, name)
    record = found.record()
    given = {"on": on, "threads": threads}
    values = record.options.model_dump() | {k: v for k, v in given.items() if v is not None}
    record = record.model_copy(update={"options": RunOptions.model_validate(values)})
    how = How(json, -1 if quiet else verbose)
    if code := _to_the_end(lambda: execute(record, folder, how), found.id, folder):
        raise typer.Exit(code)


def status(
    name: Id = None,
    all: Annotated[
        bool, typer.Option("--all/--no-all", help="One line for each batch there is.")
    ] = False,
    json: Json = False,
    work_dir: WorkDir = None,
) -> None:
    """How a batch stands, from its log: each job, and whether somebody works on it.

    Example: pipeline status
    """
    import json as json_module
    from dataclasses import asdict

    from pipeline.batch import Batch
    from pipeline.batch_status import read_status
    from pipeline.options import work_folder

    folder = work_folder(work_dir)
    if all:
        everything = [read_status(each) for each in Batch.all(folder)]
        if json:
            text = json_module.dumps([asdict(each) for each in everything], indent=2)
        else:
            text = "\n".join(each.headline() for each in everything)
        sys.stdout.write(text + "\n" if text else "")
        return
    found = read_status(Batch.find(folder, name))
    sys.stdout.write((found.as_json() if json else found.table()) + "\n")


def cancel(name: Id = None, work_dir: WorkDir = None) -> None:
    """Stop a batch, wherever it is driven from. What is finished is kept; retry goes on with it.

    Example: pipeline cancel 3f2a
    """
    import time

    from pipeline import driving
    from pipeline.batch import Batch
    from pipeline.options import work_folder

    found = Batch.find(work_folder(work_dir), name)
    alive = driving.drivers(found.folder)
    if not alive:
        sys.stderr.write(f"Nobody works on batch {found.id}.\n")
        return
    driving.cancel(found.folder)
    while driving.drivers(found.folder):
        time.sleep(driving.BEAT / 4)
    sys.stderr.write(f"Batch {found.id} was stopped ({', '.join(alive)}).\n")


def _to_the_end(action: Callable[[], int], name: str, root: Path) -> int:
    """Carry something out that the first signal stops cleanly."""
    from pipeline.commands.batch_job import retry_words

    with resumable(f"Finished work is kept; go on with:\n  {retry_words(name, root)}"):
        return action()
