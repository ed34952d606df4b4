"""Stage: a direction from pairs of photographs that differ in one thing.

CRG (paper of the reference images), eq. 3: the normalised difference of two codes; with many pairs
the mean of theirs, as in its section 3.4. The paper prints the squared norm in the denominator and
says "normalised": unit length is taken here.
"""

from typing import ClassVar

import numpy as np

from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64
from stages.direction_file import LICENCE, DirectionHeader, check_rows, write_direction
from stages.direction_unit import drawn, mean_and_sigma
from stages.edit_artifacts import Direction
from stages.network_weights import GeneratorWeights
from stages.networks.mobile_stylegan import MobileStyleGAN, load_mobile_stylegan
from stages.photographs import PhotographCodes

ALIKE = 1e-4
"""Length in W below which two codes are one."""


def pair_directions(codes: F32, rows: tuple[int, ...]) -> F64:
    """(pairs, style_dim) unit vectors, eq. 3 of each pair.

    Args:
        codes: (2 pairs, rows, style_dim): without and with, without and with, ...
        rows: the rows of W+ whose mean is the code.

    Raises:
        InputError: the two of a pair have the same code.
    """
    w = codes[:, list(rows)].astype(np.float64).mean(axis=1)
    apart = w[1::2] - w[0::2]
    length = np.linalg.norm(apart, axis=1, keepdims=True)
    if (length < ALIKE).any():
        raise InputError(f"The two photographs of pair {int(length.argmin()) + 1} are alike.")
    return np.asarray(apart / length, np.float64)


class PairDirection(Stage):
    """The mean of the pairs' directions, as a direction file."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    name: str
    """Of the direction."""
    rows: tuple[int, ...] = ()
    """Rows of W+ that are compared and on which it acts; none means all that act."""
    made_by: str = "pipeline directions pair"
    """The command that the file names."""

    def load(self, generator: GeneratorWeights, context: Context) -> MobileStyleGAN:
        return load_mobile_stylegan(generator.folder)

    def run(
        self,
        loaded: MobileStyleGAN,
        generator: GeneratorWeights,
        codes: PhotographCodes,
        context: Context,
    ) -> Direction:
        rows = check_rows(self.rows, loaded.shape.active_rows)
        each = pair_directions(codes.w_plus, rows)
        mean = each.mean(axis=0)
        unit = (mean / np.linalg.norm(mean)).astype(np.float32)
        cosine = float((each @ unit).mean())
        at, sigma = mean_and_sigma(unit, drawn(loaded, seed=1))
        header = DirectionHeader(
            name=self.name,
            generator=generator.name,
            rows=rows,
            sigma=sigma,
            mean=at,
            how=f"CRG equation 3 from {len(each)} pairs; mean cosine of a pair's to it "
            f"{cosine:.2f}; inversions at {float(codes.psnr.mean()):.1f} dB",
            made_by=self.made_by,
            licence=LICENCE,
        )
        return write_direction(context.scratch / f"{self.name}.safetensors", header, unit)
