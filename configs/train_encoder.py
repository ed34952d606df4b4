"""The DAG that trains the encoder of the default generator."""

from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from configs.inversion import GENERATOR, HEADS
from pipeline.failure import UsageError
from pipeline.plan import Node, Plan
from stages.encoder_bank import MakeEncoderBank
from stages.encoder_photos import find_photos
from stages.encoder_sensitivity import MeasureSensitivity
from stages.joint_inversion import INVERSION_SIZE
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.train_encoder import FinishEncoder, StartEncoder, TrainOnCodes, TrainOnImages

GiveWeights = Callable[[str], tuple[Path, str]]
PERCEPTUAL = "efficientnet-lite0"


class EncoderTraining(BaseModel):
    """Sizes of a training. One with more image steps goes on from the nodes of a shorter one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    samples: int = Field(default=6144, ge=1)
    """Generated faces, in shards."""
    epochs: float = Field(default=2.0, gt=0)
    """Times that the first phase, on codes, sees each of them."""
    image_steps: int = Field(default=760, ge=0)
    """Steps of the second phase, through the generator."""
    shard: int = Field(default=256, ge=1)
    """Faces made at a time: what an interruption may cost."""
    held_back: int = Field(default=256, ge=1)
    """Faces that only measure the result."""
    probes: int = Field(default=384, ge=1)
    """Of the codes' sensitivity."""
    batch: int = Field(default=16, gt=1)
    """Faces a step of the first phase."""
    code_steps: int = Field(default=96, ge=1)
    """Between two checkpoints of the first phase: some minutes."""
    images_a_node: int = Field(default=40, ge=1)
    """Steps between two checkpoints of the second phase."""
    rates: tuple[float, float] = (1e-3, 5e-4)
    """Learning rates of the phases; the first ends at the second's, the second near nothing."""
    image_batch: int = Field(default=8, ge=1)
    """Faces a step of the second phase."""
    workers: int = Field(default=1, ge=1)
    """That share the steps of the second phase, a chunk of faces each at least."""
    falling: tuple[float, float] = (0.3, 0.4)
    """Share of a phase's nodes, at its end, in which its rate falls."""


def encoder_plan(
    weights: GiveWeights, training: EncoderTraining, photos: Path | None = None
) -> Plan:
    """The node ``encoder`` holds the encoder; ``codes_i`` and ``images_i`` its checkpoints.

    Args:
        weights: gives an entry's folder and digest.
        training: sizes.
        photos: folder of aligned photographs to learn from as well.

    Raises:
        UsageError: there are none in it, or more workers than chunks in a step.
    """
    plan, t = Plan(), training
    chunks = -(-t.image_batch // TrainOnImages().chunk)
    if t.workers > chunks:
        raise UsageError(
            f"{t.workers} workers cannot share a step of {t.image_batch} faces: it has {chunks} "
            f"chunks. Take more faces a step (--image-batch) or fewer workers."
        )
    generator = plan.given("generator", GeneratorWeights(GENERATOR, *weights(GENERATOR)))
    folder, sha256 = weights(HEADS)
    heads = plan.given("heads", HeadWeights(folder / "heads.safetensors", sha256, GENERATOR))
    perceptual = plan.given("perceptual", PerceptualWeights(PERCEPTUAL, *weights(PERCEPTUAL)))
    real = None if photos is None else plan.given("photos", find_photos(photos))
    networks = {"generator": generator, "heads": heads, "perceptual": perceptual}

    def faces(name: str, count: int, seed: int) -> Node:
        stage = MakeEncoderBank(samples=count, seed=seed)
        return plan.add(name, stage, generator=generator, heads=heads)

    held_back = faces("held_back", t.held_back, 0)
    shards = -(-t.samples // t.shard)
    bank = tuple(faces(f"bank_{i}", t.shard, i) for i in range(1, shards + 1))
    probes = plan.add("sensitivity", MeasureSensitivity(samples=t.probes), **networks)

    state = plan.add("start", StartEncoder(), generator=generator, perceptual=perceptual)
    code_nodes = max(round(t.epochs * shards * t.shard / t.batch / t.code_steps), 1)
    rates = _rates(code_nodes, *t.rates, t.falling[0])
    for i in range(code_nodes):
        rate = rates[i] if i else rates[0] / 20  # the first node warms up
        stage = TrainOnCodes(steps=t.code_steps, batch=t.batch, rate=rate, end_rate=rates[i + 1])
        state = plan.add(f"codes_{i}", stage, state=state, bank=bank, sensitivity=probes)
    image_nodes = -(-t.image_steps // t.images_a_node)
    rates = _rates(image_nodes, t.rates[1], t.rates[1] / 100, t.falling[1])
    for i in range(image_nodes):
        last = i == image_nodes - 1
        second = TrainOnImages(
            steps=t.images_a_node,
            rate=rates[i],
            end_rate=rates[i + 1],
            # Half the size takes half the time; the last node sees what will be measured.
            size=INVERSION_SIZE if last else INVERSION_SIZE // 2,
            batch=t.image_batch,
            workers=t.workers,
        )
        state = plan.add(
            f"images_{i}",
            second,
            state=state,
            bank=bank,
            photos=real,
            **networks,
        )
    plan.add("encoder", FinishEncoder(), state=state, held_back=held_back, **networks)
    return plan


def _rates(nodes: int, high: float, low: float, falling: float) -> list[float]:
    """Learning rates at the ends of ``nodes`` nodes: level, then falling to ``low``."""
    last = max(round(falling * nodes), 1)
    share = [min(max(i - (nodes - last), 0) / last, 1) for i in range(nodes + 1)]
    return [high + (low - high) * s for s in share]
