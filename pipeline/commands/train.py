"""``pipeline train``: make the weights that the product ships."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Train weights; each is a stage of the same DAG.")


@app.callback()
def train() -> None:
    """Train weights; each is a stage of the same DAG."""


@app.command()
def heads(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Codes the fit sees.")] = 96,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Fit the RGB heads for 256 and 512 to the default generator (about a minute on 2 cores)."""
    from configs.train import heads_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    plan = heads_plan(Weights().given, samples)
    made = make(plan, "heads", output, overwrite=overwrite)
    for size, psnr in made.psnr:
        sys.stderr.write(f"held-back PSNR at {size}: {psnr:.2f} dB\n")
    sys.stderr.write(f"sha256 {made.sha256}\n")


@app.command()
def sample(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Labelled samples for yaw and mouth.")] = 1200,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Make the sample clip: a person who does not exist, turning and opening the mouth."""
    from configs.train import sample_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    make(sample_plan(Weights().given, samples), "sample", output, overwrite=overwrite)
