"""Flags that several commands have, and what a stopped command says."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.interrupt import Stopped, stoppable


def opt(*names: str, help: str, metavar: str | None = None) -> Any:
    """A flag whose default is said in its help: unset has to differ from set to the default."""
    return typer.Option(*names, help=help, metavar=metavar, show_default=False)


WorkDir = Annotated[
    Path | None,
    opt("--work-dir", help="Work that resumes. Default: ~/.cache/pipeline/work.", metavar="DIR"),
]
SharedThrough = Annotated[
    str | None,
    opt(
        "--store",
        help="Share results through this URL (s3://bucket/folder); the work folder caches it.",
        metavar="URL",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        min=1,
        help="Threads of each worker. Default: all cores.",
        metavar="N",
        show_default=False,
    ),
]
OwnDirections = Annotated[
    list[Path] | None,
    opt("--direction", help="An edit's direction file of your own; repeatable.", metavar="FILE"),
]
On = Annotated[str | None, opt("--on", help="local (default) or ray.", metavar="WHERE")]
Precision = Annotated[
    str | None,
    opt(
        "--precision",
        help="auto (default), fp32, or bf16: faster where the CPU has it.",
        metavar="KIND",
    ),
]
Start = Annotated[
    str | None, opt("--start", help="Seconds (12.5) or a timecode (1:02.5).", metavar="TIME")
]
End = Annotated[str | None, opt("--end", help="As --start.", metavar="TIME")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite/--no-overwrite", help="Replace an existing output.")
]
Json = Annotated[bool, typer.Option("--json/--no-json", help="One JSON object on stdout.")]
Profile = Annotated[
    bool, typer.Option("--profile/--no-profile", help="Say how long each stage took.")
]
WeightsFrom = Annotated[
    list[str] | None,
    opt("--weights", help="Take these weights from a file or folder.", metavar="NAME=PATH"),
]
Identity = Annotated[
    Path | None,
    typer.Option(
        envvar="PIPELINE_IDENTITY",
        help="MobileFaceNet checkpoint: without it there are no identity figures.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.", show_default=False)]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose", "-v", count=True, help="More; twice for tracebacks.", show_default=False
    ),
]


@contextmanager
def resumable(
    after: str = "The same command goes on with what is finished.",
) -> Iterator[None]:
    """End with the signal's exit code when one arrives, and say how to go on."""
    try:
        with stoppable():
            yield
    except Stopped as stopped:
        sys.stderr.write(f"Stopped ({stopped}). {after}\n")
        raise typer.Exit(stopped.exit_code) from None
