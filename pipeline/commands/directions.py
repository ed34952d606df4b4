"""``pipeline directions``: what edits there are, and how they are made."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Edit directions: list them, fit them.")


@app.command("list")
def list_directions() -> None:
    """Show every direction with its unit, and what it was measured to do."""
    from configs.directions import describe, known_directions

    for direction in known_directions():
        typer.echo(describe(direction))


@app.command()
def fit(
    name: Annotated[str, typer.Argument(help="age, gender, yaw, mouth or smile.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Labelled samples.")] = 3000,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Sample the generator, label the faces, fit a direction (20 minutes beside other work)."""
    from configs.directions import describe
    from configs.train import AGAINST, direction_plan
    from pipeline.commands.make import make
    from pipeline.failure import UsageError
    from pipeline.weights import Weights

    found = next((label for label in AGAINST if label == name), None)
    if found is None:
        raise UsageError(f"There is no label {name!r}: {', '.join(AGAINST)} can be fitted.")
    made_by = f"pipeline directions fit {name} --samples {samples}"
    plan = direction_plan(Weights().given, (found,), samples, made_by)
    made = make(plan, f"direction_{found}", output, overwrite=overwrite)
    sys.stderr.write(describe(made) + "\n")
