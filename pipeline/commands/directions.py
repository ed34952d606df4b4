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


@app.command("from-clip")
def from_clip(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="A clip, or a part of it: clip.mp4@1.5-3.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .safetensors.")],
    face: Annotated[str, typer.Option(help="largest, or track:N.")] = "largest",
    preset: Annotated[str, typer.Option(help="draft, standard or best.")] = "standard",
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Invert a clip's face jointly and keep the steps between its frames, for run --transfer.

    Of a face that is lost in between, the longest stretch is taken.

    Example: pipeline directions from-clip talk.mp4@1.5-3 -o talk.safetensors
    """
    from configs.presets import PRESETS
    from configs.transfer import motion_plan
    from pipeline.commands.make import make
    from pipeline.failure import UsageError
    from pipeline.reference import Reference
    from pipeline.weights import Weights

    if output.suffix.lower() != ".safetensors":
        raise UsageError(f"{output} does not end in .safetensors, as motion files do.")
    chosen = next((PRESETS[name] for name in PRESETS if name == preset), None)
    if chosen is None:
        raise UsageError(f"--preset {preset!r} is unknown: {', '.join(PRESETS)} can be had.")
    found = Reference.parse(reference)
    found.check()
    plan = motion_plan(
        Weights().given,
        found,
        face=face,
        preset=chosen,
        made_by=f"pipeline directions from-clip {found.path.name} --preset {preset}",
    )
    make(plan, "motion", output, overwrite=overwrite, inputs=(found.path,))
