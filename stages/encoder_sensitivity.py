"""Stage: how strongly each direction of the code shows in the image, on average.

For a small change d of a code, the image terms of the encoder's loss change by about d' M d with
M = E[J' J], J the derivative of pixels and features in the code. Rows of M need not be formed:
with a random image v, g = J' v has E[g g'] = J' J (Hutchinson), and a backward pass gives g. So
the mean of (g . d)^2 over some hundred faces stands in for the image terms at the price of one
matrix product.
"""

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch.nn import functional as F

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.encoder_bank import MakeEncoderBank
from stages.encoder_loss import MSE, PERCEPTUAL, PERCEPTUAL_SCALE, PERCEPTUAL_SIZE
from stages.joint_inversion import INVERSION_SIZE, Inverter, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.encoder import complete


@dataclass(frozen=True)
class Sensitivity(Artifact):
    """``probes``: (k, free rows, style_dim), the vectors g."""

    probes: F32 = field(repr=False)

    def matrix(self) -> torch.Tensor:
        """(free rows * style_dim, k): the probes, those longer than the median cut to it.

        A few faces lie where the image turns over, and their probes would outweigh all others.
        """
        probes = torch.from_numpy(np.array(self.probes)).flatten(1)
        length = probes.norm(dim=1, keepdim=True)
        probes = probes * (length.median() / length).clamp(max=1)
        return torch.as_tensor(probes.T.contiguous())


class MeasureSensitivity(Stage):
    """One random image and one backward pass for each face."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=4)

    samples: int = Field(default=512, gt=0)
    """Faces, each with one random image."""
    seed: int = 1_000_000
    """Of both."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context)

    def run(self, loaded: Inverter, context: Context) -> Sensitivity:
        model = loaded.generator
        shape = model.generator.shape
        size = min(INVERSION_SIZE, shape.size)
        codes = MakeEncoderBank(samples=self.samples, seed=self.seed).draw(model.generator)
        random = torch.Generator().manual_seed(self.seed)
        probes = []
        for chunk in torch.split(codes, 4):
            free = chunk.clone().requires_grad_(True)
            images = model(complete(free, shape), size)
            small = F.interpolate(images, (PERCEPTUAL_SIZE, PERCEPTUAL_SIZE), mode="area")
            answer = _probe(images, MSE / images[0].numel(), random)
            for m in loaded.perceptual.features(small):
                weight = PERCEPTUAL * PERCEPTUAL_SCALE / (m.shape[-1] * m.shape[-2])
                answer = answer + _probe(m, weight, random)
            (gradient,) = torch.autograd.grad(answer, free)
            probes.append(np.asarray(gradient.numpy(), np.float32))
            context.progress(4 * len(probes), self.samples)
        return Sensitivity(probes=np.concatenate(probes))


def _probe(maps: torch.Tensor, weight: float, random: torch.Generator) -> torch.Tensor:
    """Product with noise whose covariance is ``weight`` times the identity."""
    noise = torch.randn(maps.shape, generator=random)
    return math.sqrt(weight) * (noise * maps).sum()
