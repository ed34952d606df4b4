"""Edits of photographs: years by both judges and likeness, whole or by groups of rows of W+.

    python -m tests.acceptance.photographs age=+10y age=-10y age=-2
    python -m tests.acceptance.photographs --held-back age=+10y
    python -m tests.acceptance.photographs --rows age=-2

The faces of ../shared/assets/images/celebahq_1024, inverted one by one (40 steps after the
encoder), rendered at 512 and composited with their own detail, without a mask. ``--rows`` lets one
group of rows after the other go by half a unit less, and more. ``--held-back`` takes those alone by
which the years of ``age`` were not measured, every second one.
"""

import argparse
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from configs.directions import find_direction
from configs.inversion import ENCODER, GENERATOR, HEADS
from pipeline.stage import Context
from pipeline.weights import Weights
from stages.edit_steps import KnownDirection, offset_of
from stages.edit_text import Edit
from stages.encoder_weights import EncoderWeights
from stages.measure_years import finished, render
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
)
from stages.networks.rgb_head import RenderableGenerator
from stages.photographs import InvertPhotographs, Photograph, face_crop
from tests.acceptance.judgement import Judges
from tests.judges.yunet import Face

SIZE = 512
GROUPS = ((0, 1, 2), (4, 5), (7, 8), (10, 11), (13, 14), (16, 17, 19, 20, 21))
"""Rows up to 8, 16, 32, 64, 128 pixels, and finer."""
LESS = 0.5
"""Of a sigma, by which a group goes less and more."""


@dataclass(frozen=True)
class Faces:
    """``pictures``: (n, s, s, 3) uint8. ``codes``: (n, rows, style_dim)."""

    pictures: np.ndarray
    codes: np.ndarray
    inverted: np.ndarray
    chosen: list[Face | None]


def load(folder: Path, judges: Judges, first: int) -> tuple[Faces, RenderableGenerator]:
    """The faces of a folder, inverted: all, or from the second on every other one."""
    given = Weights().given
    heads, sha256 = given(HEADS)
    encoder, encoder_sha256 = given(ENCODER)
    context = Context(Path(tempfile.mkdtemp()), threads=os.cpu_count() or 1)
    stage = InvertPhotographs()
    networks = stage.load(
        generator=GeneratorWeights(GENERATOR, *given(GENERATOR)),
        heads=HeadWeights(heads / "heads.safetensors", sha256, GENERATOR),
        perceptual=PerceptualWeights("efficientnet-lite0", *given("efficientnet-lite0")),
        encoder=EncoderWeights(encoder / "encoder.safetensors", encoder_sha256, GENERATOR),
        face_models=FaceModelWeights("mediapipe-faces", *given("mediapipe-faces")),
        context=context,
    )
    paths = sorted(folder.glob("*.jpg"))[first :: 1 + first]
    found = stage.run(networks, [Photograph(path, "") for path in paths], context)
    pictures = np.stack([face_crop(networks.finder, path, SIZE) for path in paths])
    largest = [next(iter(judges.faces(picture)), None) for picture in pictures]
    generator = networks.inverter.generator
    inverted = render(generator, found.w_plus, SIZE)
    return Faces(pictures, found.w_plus, inverted, largest), generator


def edited(generator: RenderableGenerator, faces: Faces, offset: np.ndarray) -> list[np.ndarray]:
    """The photographs with an offset (rows, style_dim) of their codes."""
    now = render(generator, faces.codes + offset, SIZE)
    return [finished(*each) for each in zip(faces.pictures, faces.inverted, now, strict=True)]


def asked(text: str, rows: int) -> np.ndarray:
    """(rows, style_dim) of an edit as it is written after ``--edit``."""
    edit = Edit.parse(text)
    known = KnownDirection.read(find_direction(edit.name))
    (sigmas,) = edit.sigmas(known.header)
    return offset_of(known, sigmas, rows)


def main() -> None:
    """Print a line an edit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", action="store_true")
    parser.add_argument("--held-back", action="store_true")
    parser.add_argument("edits", nargs="+")
    arguments = parser.parse_args()
    shared = Path(os.environ.get("PIPELINE_SHARED", Path(__file__).parents[3] / "shared"))
    judges = Judges(shared / "assets", Weights().folder("age-gender"))
    faces, generator = load(
        shared / "assets" / "images" / "celebahq_1024", judges, int(arguments.held_back)
    )
    source = list(faces.pictures)
    own = judges.judge(source, source, faces.chosen)

    def tell(name: str, offset: np.ndarray) -> None:
        seen = judges.judge(source, edited(generator, faces, offset), faces.chosen)
        first, second = seen.age - own.age, seen.second_age - own.second_age
        sys.stdout.write(
            f"{name:28} years {first.mean():+6.1f} (spread {first.std():4.1f})  second "
            f"{second.mean():+6.1f}  identity {seen.identity.mean():.3f} "
            f"(lowest {seen.identity.min():.2f})\n"
        )
        sys.stdout.flush()

    sys.stdout.write(
        f"{len(source)} photographs, {own.age.min():.0f} to {own.age.max():.0f} years\n"
    )
    for text in arguments.edits:
        offset = asked(text, faces.codes.shape[1])
        tell(text, offset)
        for group in GROUPS if arguments.rows else ():
            share = np.linalg.norm(offset[list(group)]) / np.linalg.norm(offset)
            for by in (-LESS, LESS):
                moved = offset.copy()
                moved[list(group)] *= 1 + by
                tell(f"rows {group[0]}-{group[-1]} by {1 + by:g} ({share:.2f})", moved)


if __name__ == "__main__":
    main()
