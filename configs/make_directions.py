"""The DAGs of ``pipeline directions``: fit, measure, years, show, sefa and pair."""

from collections.abc import Callable, Sequence
from pathlib import Path

from configs.directions import find_direction, own_directions
from configs.inversion import ENCODER, GENERATOR, HEADS
from configs.train import direction_plan, labelling_networks
from pipeline.failure import UsageError
from pipeline.plan import Node, Plan
from stages.clean_direction import Bounds
from stages.direction_file import open_direction
from stages.edit_artifacts import Direction
from stages.encoder_weights import EncoderWeights
from stages.evaluation import IdentityWeights
from stages.fit_clean import FitCleanDirection
from stages.label_appearance import ALL_LABELS, LabelAppearance
from stages.label_samples import LabelSamples
from stages.measure_direction import MeasureDirection
from stages.measure_years import MeasureYears, RecordYears
from stages.network_weights import (
    AgeGenderWeights,
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
)
from stages.networks.mobile_stylegan import GeneratorShape
from stages.pair_direction import PairDirection
from stages.photographs import InvertPhotographs, Photograph
from stages.plot_direction import PlotDirection
from stages.sefa import FactoriseWeights

GiveWeights = Callable[[str], tuple[Path, str]]

CLEAN = tuple(name for name in ALL_LABELS if name != "age")
"""What can be fitted with bounds; age has a fit of its own (``configs.train``)."""
_SHAPE = (0, 1, 2, 4, 5, 7, 8)
_FEATURES = (4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 21)
ROWS: dict[str, tuple[int, ...]] = {
    "eyes": _SHAPE,
    "gender": _FEATURES,
    "hair": _FEATURES,
    "lipstick": (7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 21),
    "mouth": (4, 5, 7, 8),
    "pitch": _SHAPE,
    "side_light": _FEATURES,
    "smile": (0, 1, 2, 4, 5),
    "yaw": _SHAPE,
}
"""Rows of W+ by direction, where fewer than all do, so that identity, skin and background hold
(``pipeline directions measure --rows``, docs/DIRECTIONS.md)."""
TARGETS: dict[str, float] = {
    "yaw": 4.0,
    "glasses": 3.2,
    "hair": 3.2,
    "gender": 3.0,
    "lipstick": 1.6,
}
"""What the models should foresee of +2, in sigmas of the label, where what is then seen of it is
much less or more than foreseen."""
ACTIVE = GeneratorShape().active_rows
"""Rows of W+ that reach the default generator's picture."""
FRESH = 1
"""Seed of samples that take no part in a fit."""
SPREAD = 160
"""How many of them give a label's spread."""


def fit_plan(weights: GiveWeights, name: str, samples: int, made_by: str) -> tuple[Plan, str]:
    """Sample, label, fit. The plan, and its node that holds the file.

    Raises:
        UsageError: there is no such label.
    """
    if name == "age":
        return direction_plan(weights, ("age",), samples, made_by), "direction_age"
    if name not in CLEAN:
        raise UsageError(f"There is no label {name!r}: age, {', '.join(CLEAN)} can be fitted.")
    plan = Plan()
    networks = labelling_networks(plan, weights)
    labelled, appearance = _labelled(plan, networks, LabelSamples(samples=samples))
    fit = FitCleanDirection(
        name=name,
        bounds=Bounds(target=TARGETS.get(name, Bounds.target)),
        rows=ROWS.get(name, ()),
        made_by=made_by,
    )
    plan.add(
        "direction", fit, generator=networks["generator"], samples=labelled, appearance=appearance
    )
    return plan, "direction"


def measure_plan(
    weights: GiveWeights,
    directions: Sequence[Direction],
    strength: float,
    faces: int,
    identity: tuple[Path, str] | None = None,
    rows: Sequence[tuple[int, ...]] = ((),),
) -> tuple[Plan, tuple[str, ...]]:
    """What each direction does, by all its rows (an empty choice) or by each choice of some.

    Returns:
        the plan, and its nodes that hold ``DirectionFigures``.
    """
    plan = Plan()
    networks = labelling_networks(plan, weights)
    # As many more as give a label's spread; those that are edited are the first.
    drawn = LabelSamples(samples=max(faces, SPREAD), seed=FRESH)
    labelled, appearance = _labelled(plan, networks, drawn)
    known = None if identity is None else plan.given("identity", IdentityWeights(*identity))
    nodes = []
    for direction in directions:
        given = plan.given(f"direction_{direction.name}", direction)
        for number, chosen in enumerate(rows):
            stage = MeasureDirection(strength=strength, faces=faces, rows=chosen)
            node = plan.add(
                f"figures_{direction.name}_{number}", stage, direction=given, samples=labelled,
                appearance=appearance, identity=known, **networks,
            )  # fmt: skip
            nodes.append(node.name)
    return plan, tuple(nodes)


def plot_plan(weights: GiveWeights, direction: Direction) -> Plan:
    """Where faces lie on a direction. The node ``plot`` holds a PNG."""
    plan = Plan()
    networks = labelling_networks(plan, weights)
    labelled, appearance = _labelled(plan, networks, LabelSamples(samples=SPREAD, seed=FRESH))
    given = plan.given(f"direction_{direction.name}", direction)
    plan.add(
        "plot", PlotDirection(), direction=given, samples=labelled, appearance=appearance,
        **networks,
    )  # fmt: skip
    return plan


def sefa_plan(
    weights: GiveWeights, name: str, index: int, rows: tuple[int, ...], made_by: str
) -> Plan:
    """The node ``direction`` holds a file."""
    plan = Plan()
    generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
    stage = FactoriseWeights(name=name, index=index, rows=rows, made_by=made_by)
    plan.add("direction", stage, generator=generator)
    return plan


def pair_plan(
    weights: GiveWeights,
    photographs: Sequence[tuple[Path, str]],
    name: str,
    rows: tuple[int, ...],
    steps: int,
    made_by: str,
) -> Plan:
    """Photographs without and with something, by turns. The node ``direction`` holds a file.

    Raises:
        UsageError: they are not pairs.
    """
    if not photographs or len(photographs) % 2:
        raise UsageError(
            f"{len(photographs)} photographs are no pairs: name one without and one with it, by "
            "turns."
        )
    plan = Plan()
    networks = _inverting_networks(plan, weights)
    codes = plan.add(
        "codes", InvertPhotographs(steps=steps), photographs=_given(plan, photographs), **networks
    )
    stage = PairDirection(name=name, rows=rows, made_by=made_by)
    plan.add("direction", stage, generator=networks["generator"], codes=codes)
    return plan


def years_plan(
    weights: GiveWeights,
    direction: Direction,
    photographs: Sequence[tuple[Path, str]],
    made_by: str,
) -> Plan:
    """Years in finished photographs. The node ``direction`` holds the file that tells them.

    Raises:
        UsageError: there are no photographs, or the direction is for another generator.
    """
    if not photographs:
        raise UsageError("There are no photographs to see years in.")
    own_directions((direction.file,), GENERATOR)
    plan = Plan()
    networks = _inverting_networks(plan, weights)
    shown = {name: networks[name] for name in ("generator", "heads", "face_models")}
    ages = plan.given("age_gender", AgeGenderWeights("age-gender", *weights("age-gender")))
    known = plan.given(f"direction_{direction.name}", direction)
    seen = []
    for i, photograph in enumerate(_given(plan, photographs)):
        codes = plan.add(f"codes_{i}", InvertPhotographs(), photographs=(photograph,), **networks)
        seen.append(
            plan.add(
                f"years_{i}",
                MeasureYears(),
                photograph=photograph,
                codes=codes,
                direction=known,
                age_gender=ages,
                **shown,
            )
        )
    plan.add("direction", RecordYears(made_by=made_by), direction=known, seen=tuple(seen))
    return plan


def parse_rows(text: str | None) -> tuple[int, ...]:
    """Rows of W+ from "0,1,2", "4-8" or both; of a range those that reach the picture.

    Raises:
        UsageError: it is not of that form, or names a row that does not reach the picture.
    """
    rows: list[int] = []
    for part in (text or "").replace(" ", "").split(",") if text else ():
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()) or len(part) > 7:
            raise UsageError(f"--rows {text!r} is not a list such as 0,1,2 or 4-8.")
        named = range(int(first), int(last or first) + 1)
        acting = [row for row in named if row in ACTIVE]
        if not acting:
            known = ", ".join(map(str, ACTIVE))
            raise UsageError(f"--rows {part}: none of W+ there reaches the picture: {known} do.")
        rows += acting
    return tuple(sorted(set(rows)))


def named_or_file(text: str) -> Direction:
    """A shipped direction by name, or a file.

    Raises:
        UsageError: there is neither.
        InputError: the file is no direction.
    """
    path = Path(text)
    if path.suffix or path.exists():
        return open_direction(path)
    return find_direction(text)


def _labelled(plan: Plan, networks: dict[str, Node], stage: LabelSamples) -> tuple[Node, Node]:
    labelled = plan.add("samples", stage, **networks)
    return labelled, plan.add("appearance", LabelAppearance(), samples=labelled, **networks)


def _given(plan: Plan, photographs: Sequence[tuple[Path, str]]) -> tuple[Node, ...]:
    """Files and digests as nodes."""
    return tuple(
        plan.given(f"photograph_{i}", Photograph(*each)) for i, each in enumerate(photographs)
    )


def _inverting_networks(plan: Plan, weights: GiveWeights) -> dict[str, Node]:
    """What ``InvertPhotographs`` loads."""
    folder, sha256 = weights(HEADS)
    encoder, encoder_sha256 = weights(ENCODER)
    return {
        "generator": plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR))),
        "heads": plan.given("heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR)),
        "perceptual": plan.given(
            "perceptual", PerceptualWeights("efficientnet-lite0", *weights("efficientnet-lite0"))
        ),
        "encoder": plan.given(
            "encoder", EncoderWeights(encoder / "encoder.safetensors", encoder_sha256, GENERATOR)
        ),
        "face_models": plan.given(
            "face_models", FaceModelWeights("mediapipe-faces", *weights("mediapipe-faces"))
        ),
    }
