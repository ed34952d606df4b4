"""Stage: faces of the generator with their codes, which the encoder learns from."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8, check
from stages.joint_inversion import INVERSION_SIZE, load_generator
from stages.network_weights import GeneratorWeights, HeadWeights
from stages.networks.encoder import complete, free_rows
from stages.networks.mobile_stylegan import MobileStyleGAN
from stages.networks.rgb_head import RenderableGenerator


@dataclass(frozen=True)
class EncoderBank(Artifact):
    """``images``: (n, 256, 256, 3) of the RGB head. ``codes``: (n, free rows, style_dim)."""

    generator: str
    images: U8 = field(repr=False)
    codes: F32 = field(repr=False)

    def __post_init__(self) -> None:
        check(
            self.codes.ndim == 3 and len(self.codes) == len(self.images),
            f"codes {self.codes.shape} for {len(self.images)} images",
        )


class MakeEncoderBank(Stage):
    """One shard. Half of the faces are plain samples of W; the others have rows that differ.

    A photograph's best code in W+ has rows that differ, and an encoder that never saw such codes
    cannot find them. A quarter mixes two samples at a random row, as the generator's own training
    did (style mixing, StyleGAN section 3.1), so that layout and colour come apart; a quarter has
    rows scattered about one sample, like the codes that an inversion ends at.
    """

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=3)

    samples: int = Field(default=256, gt=0)
    """Faces in this shard."""
    seed: int = 0
    """Of the samples; each shard has its own."""
    psi: tuple[float, float] = (0.5, 1.0)
    """Range of the distance from the mean latent, as a share of the sample's own."""
    mixed: float = Field(default=0.25, ge=0, le=1)
    """Share of faces whose early and late rows come from two samples."""
    scattered: float = Field(default=0.25, ge=0, le=1)
    """Share of faces whose rows lie about one sample."""
    spread: float = Field(default=0.3, ge=0)
    """How far such rows lie apart at most, in deviations from the mean latent."""

    def load(
        self, generator: GeneratorWeights, heads: HeadWeights, context: Context
    ) -> RenderableGenerator:
        return load_generator(generator, heads, context)

    @torch.no_grad()
    def run(
        self, loaded: RenderableGenerator, generator: GeneratorWeights, context: Context
    ) -> EncoderBank:
        codes = self.draw(loaded.generator)
        images = []
        shape = loaded.generator.shape
        size = min(INVERSION_SIZE, shape.size)
        for chunk in torch.split(codes, 8):
            shown = loaded(complete(chunk, shape), size).clamp(-1, 1)
            pixels = ((shown + 1) * 127.5).round().permute(0, 2, 3, 1)
            images.append(np.asarray(pixels.cpu().numpy(), np.uint8))
            context.progress(8 * len(images), self.samples)
        return EncoderBank(
            generator=generator.name,
            images=np.concatenate(images),
            codes=np.asarray(codes.numpy(), np.float32),
        )

    @torch.no_grad()
    def draw(self, model: MobileStyleGAN) -> Tensor:
        """Codes of the free rows: (samples, free rows, style_dim)."""
        random = torch.Generator().manual_seed(self.seed)
        dim, rows, n = model.shape.style_dim, len(free_rows(model.shape)), self.samples
        mean = model.mean_latent()

        def offsets(count: int) -> Tensor:
            z = torch.randn(count, dim, generator=random)
            return torch.as_tensor(model.mapping(z) - mean)

        psi = torch.empty(n, 1, 1).uniform_(*self.psi, generator=random)
        codes = offsets(n)[:, None].repeat(1, rows, 1)
        kind = torch.rand(n, generator=random)
        mix = kind < self.mixed
        crossing = torch.randint(1, rows, (n, 1), generator=random)
        late = mix[:, None] & (torch.arange(rows) >= crossing)
        codes = torch.where(late[:, :, None], offsets(n)[:, None], codes)
        scatter = (kind >= self.mixed) & (kind < self.mixed + self.scattered)
        width = torch.rand(n, 1, 1, generator=random) * self.spread * scatter[:, None, None]
        return mean + psi * codes + width * offsets(n * rows).reshape(n, rows, dim)
