"""``pipeline directions``: what edits there are, what they do, and how they are made."""

import sys
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Edit directions: list, show and measure them; fit and make them."
)

Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]
Name = Annotated[str, typer.Option("--name", help="What the edit will be called.")]
Rows = Annotated[
    str | None, typer.Option("--rows", help="Rows of W+: 0,1,2 or 4-8. Default: all that act.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite/--no-overwrite")]


@app.command("list")
def list_directions() -> None:
    """Show every direction with its unit, and what it was measured to do."""
    from configs.directions import describe, known_directions

    for direction in known_directions():
        typer.echo(describe(direction))


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A direction that ships, or a file.")],
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="PNG to write: faces along it, modes and safe range."),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show all that a direction's file says; --plot draws where faces lie on it (minutes)."""
    from configs.directions import describe
    from configs.make_directions import named_or_file, plot_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    direction = named_or_file(name)
    typer.echo(describe(direction, full=True))
    if plot is not None:
        make(plot_plan(Weights().given, direction), "plot", plot, overwrite=overwrite)


@app.command()
def measure(
    names: Annotated[
        list[str] | None, typer.Argument(help="Directions that ship, or files. Default: all.")
    ] = None,
    strength: Annotated[float, typer.Option(help="Of the edit, in sigmas.")] = 2.0,
    faces: Annotated[int, typer.Option(min=2, help="Fresh samples that are edited.")] = 48,
    identity: Annotated[
        Path | None, typer.Option(help="A MobileFaceNet checkpoint, to measure identity too.")
    ] = None,
    rows: Annotated[
        list[str] | None,
        typer.Option(help="Let only these rows of W+ move, such as 0-5. Repeat to compare."),
    ] = None,
) -> None:
    """Edit fresh samples along directions and measure every label before and after."""
    from configs.directions import known_directions
    from configs.make_directions import measure_plan, named_or_file, parse_rows
    from pipeline.commands.direction_table import table
    from pipeline.commands.given import given_file
    from pipeline.commands.make import results
    from pipeline.weights import Weights

    chosen = [named_or_file(name) for name in names] if names else known_directions()
    network = None if identity is None else given_file(identity)
    some = [parse_rows(text) for text in rows or ()]
    plan, nodes = measure_plan(Weights().given, chosen, strength, faces, network, [(), *some])
    sys.stdout.write(table(results(plan, nodes, "directions")) + "\n")


@app.command()
def fit(
    name: Annotated[str, typer.Argument(help="age, smile, yaw, ... or another label.")],
    output: Output,
    samples: Annotated[int, typer.Option(help="Labelled samples.")] = 3000,
    overwrite: Overwrite = False,
) -> None:
    """Sample the generator, label the faces, fit a direction (20 minutes beside other work)."""
    from configs.directions import describe
    from configs.make_directions import fit_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    made_by = f"pipeline directions fit {name} --samples {samples}"
    plan, node = fit_plan(Weights().given, name, samples, made_by)
    made = make(plan, node, output, overwrite=overwrite)
    sys.stderr.write(describe(made) + "\n")


@app.command()
def years(
    name: Annotated[str, typer.Argument(help="A direction that ships, or a file.")],
    photographs: Annotated[list[Path], typer.Argument(help="Photographs of faces, one each.")],
    output: Output,
    overwrite: Overwrite = False,
) -> None:
    """Edit photographs by every strength, see how old they look, and write that into the file.

    A minute a photograph on two cores; what is finished is kept.

    Example: pipeline directions years age faces/*.jpg -o age.safetensors
    """
    from configs.directions import describe
    from configs.make_directions import named_or_file, years_plan
    from pipeline.commands.given import given_file
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    direction = named_or_file(name)
    made_by = f"pipeline directions years {direction.name} ({len(photographs)} photographs)"
    given = [given_file(path) for path in photographs]
    plan = years_plan(Weights().given, direction, given, made_by)
    made = make(plan, "direction", output, overwrite=overwrite, inputs=(direction.file,))
    sys.stderr.write(describe(made, full=True) + "\n")


@app.command("from-clip")
def from_clip(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="A clip, or a part of it: clip.mp4@1.5-3.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .safetensors.")],
    face: Annotated[str, typer.Option(help="largest, or track:N.")] = "largest",
    preset: Annotated[str, typer.Option(help="draft or standard.")] = "standard",
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


@app.command()
def sefa(
    output: Output,
    name: Name = "sefa",
    index: Annotated[int, typer.Option(min=0, help="Which eigenvector, from 0.")] = 0,
    rows: Rows = None,
    overwrite: Overwrite = False,
) -> None:
    """Take a direction from the generator's own weights: no picture, no label (seconds)."""
    from configs.directions import describe
    from configs.make_directions import parse_rows, sefa_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    made_by = f"pipeline directions sefa --index {index}" + (f" --rows {rows}" if rows else "")
    plan = sefa_plan(Weights().given, name, index, parse_rows(rows), made_by)
    sys.stderr.write(describe(make(plan, "direction", output, overwrite=overwrite)) + "\n")


@app.command()
def pair(
    photographs: Annotated[
        list[Path], typer.Argument(help="Without it, with it; any number of such pairs.")
    ],
    output: Output,
    name: Name = "pair",
    rows: Rows = None,
    steps: Annotated[int, typer.Option(min=0, help="Of each inversion; 0: encoder only.")] = 40,
    overwrite: Overwrite = False,
) -> None:
    """Take a direction from pairs of photographs that differ in one thing (CRG, equation 3)."""
    from configs.directions import describe
    from configs.make_directions import pair_plan, parse_rows
    from pipeline.commands.given import given_file
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    made_by = f"pipeline directions pair ({len(photographs) // 2} pairs) --steps {steps}"
    given = [given_file(path) for path in photographs]
    plan = pair_plan(Weights().given, given, name, parse_rows(rows), steps, made_by)
    sys.stderr.write(describe(make(plan, "direction", output, overwrite=overwrite)) + "\n")
