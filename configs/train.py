"""The DAGs that make what the product ships: RGB heads and edit directions."""

from collections.abc import Callable
from pathlib import Path

from configs.inversion import GENERATOR, HEADS
from pipeline.plan import Node, Plan
from stages.fit_direction import FitDirection, SideFit
from stages.fit_heads import FitHeads
from stages.label_samples import LabelName, LabelSamples
from stages.network_weights import AgeGenderWeights, FaceModelWeights, GeneratorWeights, HeadWeights
from stages.sample_clip import SampleClip

GiveWeights = Callable[[str], tuple[Path, str]]

AGAINST: dict[LabelName, tuple[LabelName, ...]] = {
    "age": ("gender", "yaw", "smile", "mouth", "lightness", "redness", "yellowness", "glasses"),
    "gender": ("age",),
    "yaw": (),
    "mouth": ("yaw",),
    "smile": ("age", "gender"),
}
"""What each direction is made orthogonal to."""

PENALTY: dict[LabelName, float] = {"age": 0.4}
"""Of the ridge, where it is not the stage's 0.3: with that, age is foreseen as well, and its sigma
is shorter by a twelfth."""

BELOW: dict[LabelName, SideFit] = {
    "age": SideFit(
        penalty=2.0,
        most=45.0,
        shares=(0.42,) * 3 + (1.32,) * 2 + (0.9,) * 2 + (0.7,) * 2 + (2.0,) * 2 + (1.2,) * 5,
        leaning=(("mouth", -0.08), ("lightness", -0.2), ("redness", 0.1)),
    )
}
"""Directions with a vector of their own for negative strengths. The shares are of rows 0-2, 4-5,
7-8, 10-11, 13-14 and finer; docs/DIRECTIONS.md has what they were chosen by."""

BESIDE_MOUTH: tuple[LabelName, ...] = (
    "smile", "age", "gender", "yaw", "lightness", "redness", "yellowness", "glasses",
)  # fmt: skip
"""What an opening mouth must not take along."""

SHAPING = (0, 1, 2, 4, 5, 7, 8)
"""Rows of W+ up to 32 pixels: they shape a face and hardly tint it."""


def heads_plan(weights: GiveWeights, samples: int) -> Plan:
    """The node ``heads`` holds the RGB heads of the default generator."""
    plan = Plan()
    generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
    plan.add("heads", FitHeads(samples=samples), generator=generator)
    return plan


def direction_plan(
    weights: GiveWeights, names: tuple[LabelName, ...], samples: int, made_by: str
) -> Plan:
    """Sample, label, fit and measure. The node ``direction_NAME`` holds a file."""
    plan = Plan()
    networks = labelling_networks(plan, weights)
    labelled = plan.add("samples", LabelSamples(samples=samples), **networks)
    for name in names:
        fit = FitDirection(
            name=name,
            against=AGAINST[name],
            below=BELOW.get(name),
            penalty=PENALTY.get(name, 0.3),
            made_by=made_by,
        )
        plan.add(f"direction_{name}", fit, samples=labelled, **networks)
    return plan


def motion_direction_plan(weights: GiveWeights, samples: int, made_by: str) -> Plan:
    """The node ``direction`` holds the way in which a mouth opens in ``run --transfer``.

    An edit of a picture may turn the head a little when it opens the mouth by two sigmas; a motion
    goes three times as far, back and forth, and is seen to. So this one is orthogonal to all that
    it could take along, leans towards where open mouths really lie, and stays off the rows of W+
    that only tint.
    """
    plan = Plan()
    networks = labelling_networks(plan, weights)
    labelled = plan.add("samples", LabelSamples(samples=samples), **networks)
    fit = FitDirection(
        name="mouth", against=BESIDE_MOUTH, penalty=1.0, rows=SHAPING, made_by=made_by
    )
    plan.add("direction", fit, samples=labelled, **networks)
    return plan


def labelling_networks(plan: Plan, weights: GiveWeights) -> dict[str, Node]:
    """The networks of stages that render and label samples."""
    ages = AgeGenderWeights("age-gender", *weights("age-gender"))
    faces = FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
    folder, sha256 = weights(HEADS)
    return {
        "generator": plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR))),
        "heads": plan.given("heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR)),
        "age_gender": plan.given("age_gender", ages),
        "face_models": plan.given("face_models", faces),
    }


def sample_plan(weights: GiveWeights, samples: int) -> Plan:
    """The node ``sample`` holds the sample clip; directions are fitted on the way."""
    plan = direction_plan(weights, ("yaw", "mouth"), samples, "pipeline train sample")
    plan.add(
        "sample",
        SampleClip(),
        generator=plan.nodes["generator"],
        directions=(plan.nodes["direction_yaw"], plan.nodes["direction_mouth"]),
    )
    return plan
