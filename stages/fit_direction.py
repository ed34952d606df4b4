"""Stage: a direction in W along which one label changes.

InterFaceGAN (Shen et al. 2020) with a linear regression in place of the classifier: the normal of
the label's level sets, then made orthogonal to those of other labels (its "conditional
manipulation"), and measured in standard deviations of the generator's own samples.
"""

from typing import Literal

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
    label,
    render_256,
)

UNIT_SAMPLES = 10_000
LabelName = Literal["age", "gender", "yaw", "mouth", "smile"]


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

    name: LabelName
    """The label."""
    against: tuple[LabelName, ...] = ()
    """Labels whose own directions it is made orthogonal to."""
    penalty: float = Field(default=0.3, gt=0)
    """Of the ridge, in mean variances of W."""
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
        fits = {
            name: ridge(w[~back], labels[~back, LABELS.index(name)], self.penalty)
            for name in (self.name, *self.against)
        }
        vector = orthogonal(fits[self.name], [fits[name] for name in self.against])
        column = labels[:, LABELS.index(self.name)]
        correlation = float(np.corrcoef(w[back] @ vector, column[back])[0, 1])
        model = loaded.generator
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
        model = loaded.generator
        codes = model.broadcast(torch.tensor(w)).clone()
        ages = []
        for k in (-1.0, 1.0):
            moved = codes.clone()
            moved[:, list(rows)] += k * torch.tensor(unit)
            ages.append(label(loaded, render_256(model, moved))[:, 0])
        return float((ages[1] - ages[0]).mean() / 2)
