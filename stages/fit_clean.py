"""Stage: a direction that changes one label and, within bounds, no other."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.clean_direction import Bounds, clean_direction
from stages.direction_file import LICENCE, DirectionHeader, check_rows, write_direction
from stages.direction_unit import drawn, mean_and_sigma
from stages.edit_artifacts import Direction
from stages.label_appearance import UNITS, AppearanceLabels, Table
from stages.label_samples import LabelledSamples
from stages.network_weights import GeneratorWeights
from stages.networks.mobile_stylegan import MobileStyleGAN, load_mobile_stylegan


class FitCleanDirection(Stage):
    """``stages.clean_direction`` on labelled samples, a fifth of them held back."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    name: str
    """The label."""
    seed: int = Field(default=1, ge=0)
    """Of the codes on which the unit is measured."""
    bounds: Bounds = Bounds()
    """Of what the edit does to each label."""
    rows: tuple[int, ...] = ()
    """Rows of W+ it acts on; none means all that act."""
    made_by: str = "pipeline directions fit"
    """The command that the file names."""

    def load(self, generator: GeneratorWeights, context: Context) -> MobileStyleGAN:
        return load_mobile_stylegan(generator.folder)

    def run(
        self,
        loaded: MobileStyleGAN,
        generator: GeneratorWeights,
        samples: LabelledSamples,
        appearance: AppearanceLabels,
        context: Context,
    ) -> Direction:
        table = Table.of(samples, appearance)
        column, w = table.column(self.name), table.w
        back = np.arange(len(w)) % 5 == 4
        codes = drawn(loaded, self.seed)
        wanted = table.names.index(self.name)
        vector = clean_direction(w[~back], table.labels[~back], wanted, codes, self.bounds)
        unit: F32 = vector.astype(np.float32)
        mean, sigma = mean_and_sigma(unit, codes)
        projection = w[back] @ unit
        header = DirectionHeader(
            name=self.name,
            generator=generator.name,
            rows=check_rows(self.rows, loaded.shape.active_rows),
            sigma=sigma,
            mean=mean,
            correlation=float(np.corrcoef(projection, column[back])[0, 1]),
            unit=UNITS[self.name],
            unit_per_sigma=float(np.polyfit(projection / sigma, column[back], 1)[0]),
            how=f"linear models of {len(table.names)} labels on {int((~back).sum())} samples; what "
            "it does to the others is bounded",
            made_by=self.made_by,
            licence=LICENCE,
        )
        return write_direction(context.scratch / f"{self.name}.safetensors", header, unit)
