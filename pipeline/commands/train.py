"""``pipeline train``: make the weights that the product ships."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.device import choose
from pipeline.failure import UsageError

Where = Literal["local", "ray"]
Device = Literal["auto", "cpu", "cuda"]

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


@app.command("motion-direction")
def motion_direction(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Labelled samples.")] = 3000,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Fit the direction along which run --transfer opens a mouth (as long as directions fit)."""
    from configs.train import motion_direction_plan
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    made_by = f"pipeline train motion-direction --samples {samples}"
    plan = motion_direction_plan(Weights().given, samples, made_by)
    make(plan, "direction", output, overwrite=overwrite)


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


@app.command()
def encoder(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")],
    samples: Annotated[int, typer.Option(help="Generated faces to learn from.")] = 6144,
    epochs: Annotated[float, typer.Option(help="Passes over them on codes alone.")] = 2.0,
    image_steps: Annotated[int, typer.Option(help="Steps through the generator after.")] = 760,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of FFHQ-aligned photographs to learn from as well.")
    ] = None,
    on: Annotated[Where, typer.Option(help="Where the work is done.")] = "local",
    device: Annotated[Device, typer.Option(help="What computes the second phase.")] = "auto",
    image_batch: Annotated[int, typer.Option(help="Faces a step of the second phase.")] = 8,
    workers: Annotated[
        int, typer.Option(min=1, help="Workers, with a GPU each, that share its steps (ray).")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite/--no-overwrite")] = False,
) -> None:
    """Train the encoder of the default generator (hours on a CPU; resumes where it stopped).

    Beside FILE, FILE.curve.json says how the losses fell.
    """
    if workers > 1 and on == "local":
        raise UsageError(f"--workers {workers} needs --on ray.")
    from configs.train_encoder import EncoderTraining, encoder_plan
    from pipeline import output as out
    from pipeline.commands.make import make
    from pipeline.weights import Weights

    curve = output.with_name(output.name + ".curve.json")
    out.refuse(curve, (), overwrite=overwrite)
    training = EncoderTraining(
        samples=samples,
        epochs=epochs,
        image_steps=image_steps,
        image_batch=image_batch,
        workers=workers,
    )
    plan = encoder_plan(Weights().given, training, photos)
    made = make(plan, "encoder", output, overwrite=overwrite, on=on, device=choose(device))
    out.publish(made.curve, curve, overwrite=overwrite)
    f = made.figures
    sys.stderr.write(
        f"{f.faces} held-back generated faces at 256: MSE {f.mse:.4f} ({f.psnr:.2f} dB), "
        f"{f.mse / f.mean_mse:.3f} of the mean latent's {f.mean_mse:.4f}\n"
        f"sha256 {made.sha256}\n"
    )
