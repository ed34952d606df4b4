"""Options that all benches have."""

from pathlib import Path
from typing import Annotated

import typer

Encoder = Annotated[
    Path | None, typer.Option(help="Another trained encoder than ours.", show_default=False)
]
WorkDir = Annotated[
    Path | None,
    typer.Option(help="Work that is kept. Default: ~/.cache/pipeline/work.", metavar="DIR"),
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Threads = Annotated[int | None, typer.Option(min=1, help="Default: all cores.", show_default=False)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
