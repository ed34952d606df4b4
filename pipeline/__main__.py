"""The command line: sub-commands, and the exit code of everything that can go wrong."""

import os
import sys
import traceback
from typing import Annotated

import typer

from pipeline.commands import bench, directions, store, train, weights
from pipeline.commands.batch import batch, cancel, retry, status
from pipeline.commands.doctor import doctor
from pipeline.commands.evaluate import evaluate
from pipeline.commands.faces import faces
from pipeline.commands.morph import morph
from pipeline.commands.preview import preview
from pipeline.commands.run import run
from pipeline.commands.simulate import simulate
from pipeline.verdict import FAULT, exit_code, sentence

DISTRIBUTION = "consecutive-face-edit"

app = typer.Typer(
    name="pipeline",
    help="Edit a face in a real clip: pipeline run clip.mp4 --edit age=+2",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if not wanted:
        return
    from importlib.metadata import PackageNotFoundError, version

    for name in (DISTRIBUTION, "torch", "av", "opencv-python", "numpy", "imageio-ffmpeg"):
        try:
            typer.echo(f"{'pipeline' if name == DISTRIBUTION else name} {version(name)}")
        except PackageNotFoundError:
            typer.echo(f"{'pipeline' if name == DISTRIBUTION else name} not installed")
    raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show versions and end."),
    ] = False,
) -> None:
    """Edit a face in a real clip: pipeline run clip.mp4 --edit age=+2"""


app.command()(run)
app.command()(batch)
app.command()(status)
app.command()(retry)
app.command()(cancel)
app.command()(simulate)
app.command()(doctor)
app.command()(evaluate)
app.command()(faces)
app.command()(preview)
app.command()(morph)
app.add_typer(bench.app, name="bench")
app.add_typer(weights.app, name="weights")
app.add_typer(store.app, name="store")
app.add_typer(directions.app, name="directions")
app.add_typer(train.app, name="train")


def main() -> None:
    """Entry point of the console script."""
    # Before anything loads OpenMP: threads that spin while they wait take the core that another
    # process needs.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        app()
    except Exception as error:
        code = exit_code(error)
        if code == FAULT:
            traceback.print_exc()
        sys.stderr.write(f"pipeline: {sentence(error)}\n")
        sys.exit(code)


if __name__ == "__main__":
    main()
