"""``pipeline directions``: what edits there are, and how they are made."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Edit directions: list them, fit them.")


@app.command("list")
def list_directions() -> None:
    """Show every direction with its unit, and what it was measured to do."""
    from configs.directions import known_directions
    from stages.direction_file import read_direction

    for direction in known_directions():
        header, _ = read_direction(direction.file)
        years = f", {header.years_per_sigma:.1f} years a sigma" if header.years_per_sigma else ""
        typer.echo(
            f"{header.name}  [{header.generator}] correlation {header.correlation:.2f} "
            f"with its label on held-back samples{years}"
        )
        typer.echo(f"  made by: {header.made_by}")


@app.command()
def fit(
    name: Annotated[str, typer.Argument(help="age, gender, yaw, mouth or smile.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Labelled samples.")] = 1200,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Sample the generator, label the faces, fit a direction (about 15 minutes on 2 cores)."""
    from configs.train import AGAINST, direction_plan
    from pipeline.commands.make import make
    from pipeline.failure import UsageError
    from pipeline.weights import Weights
    from stages.direction_file import read_direction

    found = next((label for label in AGAINST if label == name), None)
    if found is None:
        raise UsageError(f"There is no label {name!r}: {', '.join(AGAINST)} can be fitted.")
    made_by = f"pipeline directions fit {name} --samples {samples}"
    plan = direction_plan(Weights().given, (found,), samples, made_by)
    made = make(plan, f"direction_{found}", output, overwrite=overwrite)
    header, _ = read_direction(made.file)
    sys.stderr.write(header.model_dump_json(indent=2) + "\n")
