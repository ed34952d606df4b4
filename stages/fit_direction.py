"""Stage: a direction in W along which one label changes.

InterFaceGAN (Shen et al. 2020) with a linear regression in place of the classifier: the normal of
the label's level sets, then made orthogonal to those of other labels (its "conditional
manipulation"), and measured in standard deviations of the generator's own samples.

The penalty decides how far a sigma goes. A small one gives the normal itself, which lies mostly in
axes along which W hardly varies, so that a sigma is short and does little; a large one turns it
towards where samples with that label really lie. The held-back correlation is nearly flat between
them (age: 0.83 at 0.3, 0.82 at 1), the years a sigma are not. Labels to be left alone are the
opposite case: of them the normal itself is wanted, so theirs is small.

Years are added sooner than taken: wrinkles come at once, a child's proportions do not. So negative
strengths may be given a vector of their own, fitted with a larger penalty to faces that are not old
(what makes sixty of fifty says little of thirty and twenty), and of which some rows of W+ go less
far: those that cost more likeness than they take years. What is orthogonal for samples need not
leave a photograph alone: made younger, real faces darkened and shut their mouths. So a vector may
lean towards other labels, against what it was seen to take along.
"""

from typing import Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from pydantic.dataclasses import dataclass

from pipeline.stage import Context
from stages.artifacts import F32, F64
from stages.direction_file import Below, DirectionHeader, write_direction
from stages.edit_artifacts import Direction
from stages.label_samples import (
    LABELS,
    LabelledSamples,
    Labellers,
    LabellingStage,
    LabelName,
    label,
    render_256,
)
from stages.network_weights import GeneratorWeights

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


@dataclass(frozen=True)
class SideFit:
    """How the vector for strengths of one sign is fitted."""

    penalty: Annotated[float, Field(gt=0)]
    """Of the ridge, in mean variances of W."""
    most: float
    """Samples with more of the label take no part."""
    shares: tuple[float, ...] | None = None
    """See ``direction_file.Below``."""
    leaning: tuple[tuple[LabelName, float], ...] = ()
    """Labels and how far it leans towards more of each, along their normals as they are, in sigmas
    of theirs for one of its own."""


class FitDirection(LabellingStage):
    """Ridge regression on labelled samples, a fifth of them held back."""

    version: ClassVar[int] = 4

    name: LabelName
    """The label."""
    against: tuple[LabelName, ...] = ()
    """Labels whose own directions it is made orthogonal to."""
    penalty: float = Field(default=0.3, gt=0)
    """Of the ridge, in mean variances of W."""
    below: SideFit | None = None
    """The fit of a vector of its own for negative strengths; none means there is one for both."""
    penalty_against: float = Field(default=0.1, gt=0)
    """Of the ridges of the labels it is made orthogonal to, in mean variances of W."""
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

        def normal(name: LabelName) -> F64:
            return ridge(w[~back], labels[~back, LABELS.index(name)], self.penalty_against)

        others = [normal(name) for name in self.against]
        model = loaded.generator.generator
        random = torch.Generator().manual_seed(self.seed + 1)
        with torch.no_grad():
            mapped = model.mapping(torch.randn(UNIT_SAMPLES, w.shape[1], generator=random))
        drawn = mapped.numpy().astype(np.float64)
        rows = self.rows or model.shape.active_rows
        held = w[back][: self.probes].astype(np.float32)

        def side(fit: SideFit, strengths: tuple[float, float]) -> tuple[F32, F64, Below]:
            """The vector of one fit, the samples' projections on it, and its figures."""
            used = ~back & (column <= fit.most)
            vector = orthogonal(ridge(w[used], column[used], fit.penalty), others)
            step = vector * (drawn @ vector).std()
            for name, sigmas in fit.leaning:
                towards = orthogonal(normal(name), [])
                step += sigmas * (drawn @ towards).std() * towards
            vector = step / np.linalg.norm(step)
            projection = drawn @ vector
            sigma, unit = float(projection.std()), vector.astype(np.float32)
            years = None
            if self.name == "age":
                shares = fit.shares or (1.0,) * len(rows)
                by_row = np.outer(shares, sigma * unit).astype(np.float32)
                years = self._years(loaded, held, by_row, rows, strengths)
            correlation = float(np.corrcoef(w[back] @ vector, column[back])[0, 1])
            figures = Below(
                sigma=sigma,
                years_per_sigma=years,
                correlation=correlation,
                shares=fit.shares,
                leaning=fit.leaning,
            )
            return unit, projection, figures

        above = SideFit(self.penalty, most=np.inf)
        unit, projection, figures = side(above, (0.0, 1.0) if self.below else (-1.0, 1.0))
        below = side(self.below, (-1.0, 0.0)) if self.below else None
        header = DirectionHeader(
            name=self.name,
            generator=generator.name,
            rows=rows,
            mean=float(projection.mean()),
            **figures.model_dump(exclude={"shares", "leaning"}),
            orthogonal_to=self.against,
            below=below[2] if below else None,
            made_by=self.made_by,
            licence="Derived from weights that are non-commercial at their root; see MODELS.md.",
        )
        file = context.scratch / f"{self.name}.safetensors"
        return write_direction(file, header, unit, below[0] if below else None)

    def _years(
        self,
        loaded: Labellers,
        w: F32,
        step: F32,
        rows: tuple[int, ...],
        strengths: tuple[float, float],
    ) -> float:
        """Mean change of the apparent age by one ``step`` (rows, style_dim), between strengths."""
        codes = loaded.generator.generator.broadcast(torch.tensor(w)).clone()
        ages = []
        for k in strengths:
            moved = codes.clone()
            moved[:, list(rows)] += k * torch.tensor(step)
            ages.append(label(loaded, render_256(loaded.generator, moved))[:, 0])
        return float((ages[1] - ages[0]).mean() / (strengths[1] - strengths[0]))
