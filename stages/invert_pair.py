"""Stage: the codes of two faces that are to be morphed into each other, found together.

"From Continuity to Editability" (ICCV 2021), section 4.4.2. The two are what consecutive images are
to an inversion: a base and a step from one to the other (eq. 3), in one optimisation. They need not
be one person, so nothing of one is compared with the other along a flow.
"""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, check
from stages.coupling import Coupling
from stages.encode import encode
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.initialise import Starter
from stages.inversion_artifacts import AlignedFaces
from stages.joint_inversion import invert_jointly, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.objective import Weights


@dataclass(frozen=True)
class Ends(Artifact):
    """Of a morph. ``w_plus``: (2, rows, style_dim). ``psnr``: (2,) dB of the inversion at 256."""

    psnr: F32
    w_plus: F32 = field(repr=False)

    def __post_init__(self) -> None:
        check(
            self.w_plus.ndim == 3 and len(self.w_plus) == len(self.psnr) == 2,
            f"a morph has two ends, not codes {self.w_plus.shape}",
        )


class InvertPair(Stage):
    """From the encoder's codes, by Adam."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    steps: int = Field(default=80, ge=1)
    """Adam steps."""
    rate: float = Field(default=0.05, gt=0)
    """Learning rate."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = Weights(consistency=0)
    """Of the objective."""
    coupling: Coupling = Coupling(anchor="mean", step_rate=1)
    """The base is half way: neither end is the other's beginning."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        encoder: EncoderWeights,
        context: Context,
    ) -> Starter:
        return Starter(
            load_inverter(generator, heads, perceptual, context),
            load_encoder(encoder.file, generator.name, context.device),
        )

    def run(
        self,
        loaded: Starter,
        first: list[AlignedFaces],
        second: list[AlignedFaces],
        context: Context,
    ) -> Ends:
        crops = np.stack([first[0].crops[0], second[0].crops[0]])
        found = invert_jointly(
            loaded.inverter,
            crops,
            encode(loaded.encoder, crops, context.device),
            None,
            self.weights,
            steps=self.steps,
            rate=self.rate,
            perceptual_size=self.perceptual_size,
            coupling=self.coupling,
            progress=lambda step: context.progress(step, self.steps),
        )
        return Ends(psnr=found.psnr, w_plus=found.w_plus)
