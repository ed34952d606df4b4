"""Stage: directions that need no picture and no label, from the generator's own weights.

"Closed-Form Factorization of Latent Semantics in GANs" (Shen and Zhou, CVPR 2021), eq. 8: the
directions along which a layer's styles change most are the eigenvectors of A^T A with the largest
eigenvalues, A being the weights that read the code. Here A stacks the modulations of the chosen
rows of W+, each channel's weights at unit length as in the
published code.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from pipeline.failure import UsageError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64
from stages.direction_file import LICENCE, DirectionHeader, check_rows, write_direction
from stages.direction_unit import drawn, mean_and_sigma
from stages.edit_artifacts import Direction
from stages.network_weights import GeneratorWeights
from stages.networks.mobile_stylegan import (
    Block,
    MobileStyleGAN,
    Modulation,
    load_mobile_stylegan,
)


class FactoriseWeights(Stage):
    """One eigenvector of the stacked modulation weights, as a direction file."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    name: str
    """Of the direction."""
    index: int = Field(default=0, ge=0)
    """Which eigenvector, the one with the largest eigenvalue being 0."""
    rows: tuple[int, ...] = ()
    """Rows of W+ whose layers are factorised, and on which it acts; none means all that act."""
    made_by: str = "pipeline directions sefa"
    """The command that the file names."""

    def load(self, generator: GeneratorWeights, context: Context) -> MobileStyleGAN:
        return load_mobile_stylegan(generator.folder)

    def run(
        self, loaded: MobileStyleGAN, generator: GeneratorWeights, context: Context
    ) -> Direction:
        rows = check_rows(self.rows, loaded.shape.active_rows)
        vectors = factorise(loaded, rows)
        if self.index >= len(vectors):
            raise UsageError(
                f"--index {self.index}: there are the eigenvectors 0 to {len(vectors) - 1}."
            )
        unit = vectors[self.index]
        mean, sigma = mean_and_sigma(unit, drawn(loaded, seed=1))
        header = DirectionHeader(
            name=self.name,
            generator=generator.name,
            rows=rows,
            sigma=sigma,
            mean=mean,
            how=f"SeFa: eigenvector {self.index} of the modulation weights of these rows",
            made_by=self.made_by,
            licence=LICENCE,
        )
        return write_direction(context.scratch / f"{self.name}.safetensors", header, unit)


def factorise(model: MobileStyleGAN, rows: tuple[int, ...]) -> F32:
    """(style_dim, style_dim) eigenvectors, one a row, the largest eigenvalue first.

    An eigenvector has no sign of its own: the largest component is made positive.
    """
    by_row = modulations(model)
    parts = [torch.nn.functional.normalize(m.weight, dim=1) for r in rows for m in by_row[r]]
    stacked: F64 = torch.cat(parts).double().numpy()
    _, vectors = np.linalg.eigh(stacked.T @ stacked)
    found = vectors.T[::-1]
    largest = np.abs(found).argmax(axis=1)
    signs = np.sign(found[np.arange(len(found)), largest])
    return np.asarray(found * signs[:, None], np.float32)


def modulations(model: MobileStyleGAN) -> dict[int, list[Modulation]]:
    """The modulations that read each row of W+ that acts."""
    found: dict[int, list[Modulation]] = {0: [model.conv1.modulation]}
    for i, block in enumerate(model.blocks):
        assert isinstance(block, Block)  # what ModuleList cannot say
        found[3 * i + 1] = [block.up, block.conv1.modulation]
        found[3 * i + 2] = [block.conv2.modulation]
    found[3 * model.shape.blocks] = [model.to_image.modulation]
    return found
