"""Stage: a direction in W along which one label changes.

InterFaceGAN (Shen et al. 2020) with a linear regression in place of the classifier: the normal of
the label's level sets, then made orthogonal to those of other labels (its "conditional
manipulation"), and measured in standard deviations of the generator's own samples.

The penalty decides how far a sigma goes. A small one gives the normal itself, which lies mostly in
axes along which W hardly varies, so that a sigma is short and does little; a large one turns it
towards where samples with that label really lie. The held-back correlation is flat between them
(0.82 to 0.83 for age at penalties of 0.3 to 3), the years a sigma are not. Labels to be left alone
are the opposite case: of them the normal itself is wanted, so theirs is small.
"""

from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from pipeline.stage import Context
from stages.artifacts import F32, F64, Direction, GeneratorWeights
from stages.direction_file import DirectionHeader, write_direction
from stages.label_samples import (
    LABELS,
    LabelledSamples,
    Labellers,
    LabellingStage,
    LabelName,
    label,
    render_256,
)

UNIT_SAMPLES = 10_000


def ridge(w: F64, y: F64, penalty: float) -> F64:
    """(d,) coefficients of standardised ``y`` on centred ``w`` with an L2 penalty per sample."""
    x = w - w.mean(axis=0)
    gram = x.T @ x + penalty * len(x) * np.trace(x.T @ x) / len(x) / x.shape[1] * np.eye(x.shape[1])
    return np.asarray(np.linalg.solve(gram, x.T @ ((y - y.mean()) / y.std())), np.float64)


def orthogonal(vector: F64, others: list[F64]) -> F64:
    """``vector`` of unit length without its part in the span of ``others``."""
    if others:
        basis, _ = np.linalg.qr(np.stack(others, axis=1))
        vector = vector - basis @ (basis.T @ vector)
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


class FitDirection(LabellingStage):
    """Ridge regression on labelled samples, a fifth of them held back."""

    version: ClassVar[int] = 2

    name: LabelName
    """The label."""
    against: tuple[LabelName, ...] = ()
    """Labels whose own directions it is made orthogonal to."""
    penalty: float = Field(default=1.0, gt=0)
    """Of the ridge, in mean variances of W."""
    penalty_against: float = Field(default=0.1, gt=0)
    """The same for the labels it is made orthogonal to."""
    rows: tuple[int, ...] = ()
    """Rows of W+ it acts on; none means all that act."""
    probes: int = Field(default=32, gt=0)
    """Held-back faces on which years are measured."""
    made_by: str = "pipeline directions fit"
    """The command that the file names."""

    def run(
        self,
        loaded: Labellers,
        generator: GeneratorWeights,
        samples: LabelledSamples,
        context: Context,
    ) -> Direction:
        known = np.isfinite(samples.labels).all(axis=1)
        w, labels = samples.w[known].astype(np.float64), samples.labels[known].astype(np.float64)
        back = np.arange(len(w)) % 5 == 4
        column = labels[:, LABELS.index(self.name)]
        others = [
            ridge(w[~back], labels[~back, LABELS.index(name)], self.penalty_against)
            for name in self.against
        ]
        vector = orthogonal(ridge(w[~back], column[~back], self.penalty), others)
        correlation = float(np.corrcoef(w[back] @ vector, column[back])[0, 1])
        model = loaded.generator.generator
        random = torch.Generator().manual_seed(self.seed + 1)
        with torch.no_grad():
            drawn = model.mapping(torch.randn(UNIT_SAMPLES, w.shape[1], generator=random))
        projection = drawn.numpy().astype(np.float64) @ vector
        sigma = float(projection.std())
        rows = self.rows or model.shape.active_rows
        years = None
        if self.name == "age":
            held = samples.w[known][back][: self.probes]
            years = self._years(loaded, held, (sigma * vector).astype(np.float32), rows)
        header = DirectionHeader(
            name=self.name,
            generator=generator.name,
            rows=rows,
            sigma=sigma,
            mean=float(projection.mean()),
            years_per_sigma=years,
            correlation=correlation,
            orthogonal_to=self.against,
            made_by=self.made_by,
            licence="Derived from weights that are non-commercial at their root; see MODELS.md.",
        )
        file = context.scratch / f"{self.name}.safetensors"
        return write_direction(file, header, vector.astype(np.float32))

    def _years(self, loaded: Labellers, w: F32, unit: F32, rows: tuple[int, ...]) -> float:
        """Mean change of the apparent age by one sigma, between -1 and +1."""
        model = loaded.generator.generator
        codes = model.broadcast(torch.tensor(w)).clone()
        ages = []
        for k in (-1.0, 1.0):
            moved = codes.clone()
            moved[:, list(rows)] += k * torch.tensor(unit)
            ages.append(label(loaded, render_256(loaded.generator, moved))[:, 0])
        return float((ages[1] - ages[0]).mean() / 2)
