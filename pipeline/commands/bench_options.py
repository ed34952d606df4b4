"""Options that all benches have."""

from pathlib import Path
from typing import Annotated

import typer

Encoder = Annotated[
    Path | None, typer.Option(help="Another trained encoder than ours.", show_default=False)
]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
