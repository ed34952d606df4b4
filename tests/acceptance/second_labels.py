"""What +2 along each direction does, by labellers that took no part in fitting any.

    python -m tests.acceptance.second_labels [--samples 200] [--faces 60] [NAME...]

Fresh faces of the mapping network, not pulled to the mean, as the unit of a strength is defined;
the first of them are edited. Prints the mean change of each label in its own standard deviations
over all of them, and how each label goes with the one of the fit.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch

from configs.directions import find_direction
from configs.inversion import GENERATOR, HEADS
from pipeline.stage import Context
from pipeline.weights import Weights
from stages.direction_unit import drawn
from stages.edit_steps import KnownDirection, offset_of
from stages.label_appearance import ALL_LABELS, label_all
from stages.label_samples import Labellers, LabellingStage, render_256
from stages.network_weights import (
    AgeGenderWeights,
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
)
from tests.judges.faceapi import FaceApiAge, FaceApiExpression, FaceApiLandmarks
from tests.judges.fsanet import FsaNet
from tests.judges.yunet import YuNet

NAMES = ("age", "gender", "smile", "mouth", "eyes", "yaw", "pitch")
SEED = 4711
STRENGTH = 2.0
OWN, OTHERS = 1.5, 0.5
"""At least of its own label, at most of any other, in their standard deviations."""


class SecondLabels:
    """(n, 7) of aligned crops, in the order of ``NAMES``; nan where no face is found."""

    def __init__(self, weights: Path) -> None:
        self._ages = FaceApiAge(weights)
        self._expressions = FaceApiExpression(weights)
        self._landmarks = FaceApiLandmarks(weights)
        self._faces, self._pose = YuNet(weights), FsaNet(weights)

    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """Years, logit of male, log odds of happy, gaps of lips and lids, degrees."""
        male = np.clip(self._ages.gender(crops), 1e-4, 1 - 1e-4)
        return np.column_stack(
            [
                self._ages.age(crops),
                np.log(male / (1 - male)),
                self._expressions.happy(crops),
                self._landmarks.mouth(crops),
                self._landmarks.eyes(crops),
                np.array([self._turn(crop) for crop in crops]),
            ]
        )

    def _turn(self, crop: np.ndarray) -> tuple[float, float]:
        found = self._faces(crop)
        if not found:
            return np.nan, np.nan
        face = max(found, key=lambda f: f.box[2] * f.box[3])
        return self._pose.yaw(crop, face), self._pose.pitch(crop, face)


def labellers() -> Labellers:
    """The generator and the labellers of the fit."""
    given = Weights().given
    heads, sha256 = given(HEADS)
    context = Context(Path(tempfile.mkdtemp()), threads=os.cpu_count() or 1)
    return LabellingStage().load(
        generator=GeneratorWeights(GENERATOR, *given(GENERATOR)),
        heads=HeadWeights(heads / "heads.safetensors", sha256, GENERATOR),
        age_gender=AgeGenderWeights("age-gender", *given("age-gender")),
        face_models=FaceModelWeights("mediapipe-faces", *given("mediapipe-faces")),
        context=context,
    )


def say(text: str) -> None:
    """A line, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main() -> None:
    """Print the table, a line as soon as it is known."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--faces", type=int, default=60)
    parser.add_argument("names", nargs="*", default=NAMES)
    asked = parser.parse_args()
    shared = Path(os.environ.get("PIPELINE_SHARED", Path(__file__).parents[3] / "shared"))
    second, first = SecondLabels(shared / "assets" / "weights"), labellers()
    model = first.generator.generator
    codes = torch.tensor(drawn(model, SEED, asked.samples), dtype=torch.float32)
    crops = render_256(first.generator, model.broadcast(codes))
    before = second(crops)
    spread = np.nanstd(before, axis=0)
    fitted = label_all(first, crops)
    agreement = [
        together(before[:, i], fitted[:, ALL_LABELS.index(n)]) for i, n in enumerate(NAMES)
    ]
    say(f"{asked.samples} samples, {asked.faces} of them edited")
    say("| +2 along | " + " | ".join(NAMES) + " | holds |")
    say("|---" * (len(NAMES) + 2) + "|")
    say("| with the label of the fit | " + " | ".join(f"{r:.2f}" for r in agreement) + " | |")
    for name in asked.names:
        offset = offset_of(KnownDirection.read(find_direction(name)), STRENGTH, model.shape.rows)
        moved = model.broadcast(codes[: asked.faces]) + torch.tensor(offset)
        after = second(render_256(first.generator, moved))
        change = np.nanmean(after - before[: asked.faces], axis=0) / spread
        row = " | ".join(f"{value:+.2f}" for value in change)
        say(f"| {name} | {row} | {verdict(name, change)} |")


def together(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of where both are known."""
    both = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[both], b[both])[0, 1])


def verdict(name: str, change: np.ndarray) -> str:
    """``yes``, or what does not hold."""
    amount = dict(zip(NAMES, change, strict=True))
    own = amount.pop(name, None)
    failed = [] if own is None or own >= OWN else ["own"]
    failed += [other for other, value in amount.items() if abs(value) > OTHERS]
    return ", ".join(failed) or "yes"


if __name__ == "__main__":
    main()
