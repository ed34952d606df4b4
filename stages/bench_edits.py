"""Stage: what edits of found codes come to.

Paper 003, tables 2, 3 and 7, and 8 for paths that are not straight: codes are edited and rendered.
Where the true codes are known, the same edit of them is what it should have been; of a real clip
only how natural it looks can be said. Noise that was solved for stays as it is, as in the paper:
that is where its ghosting comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.curved_paths import CurvedPaths
from stages.edit_artifacts import Direction
from stages.evaluation import Figure, NiqeWeights
from stages.inversion_artifacts import Latents
from stages.inverters.interface import shown
from stages.joint_inversion import Inverter, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.picture_figures import PictureFigures, PictureJudges, load_judges
from stages.series import Series
from stages.synthesised import curved, straight

PREFIX = "edit_"


@dataclass(frozen=True)
class Editor:
    """What was loaded."""

    inverter: Inverter
    judges: PictureJudges


class AddEditFigures(Stage):
    """Adds to the figures of an inversion: distance of the codes, and figures of edits of them.

    ``code_error`` is the mean squared difference over the rows that act. Edits are of the middle
    frame of each window, along every direction, both ways.
    """

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

    strength: float = 2.0
    """Of the edits, in standard deviations, added and taken away."""
    path: Literal["straight", "curved"] = "straight"
    """How codes are moved."""
    psi: float = Field(default=0.7, gt=0, le=1)
    """Of the surface that curved paths lie on."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
        niqe: NiqeWeights | None = None,
    ) -> Editor:
        inverter = load_inverter(generator, heads, perceptual, context)
        return Editor(inverter, load_judges(perceptual, niqe, context))

    def run(
        self,
        loaded: Editor,
        figures: InversionFigures,
        made: InversionRun,
        directions: list[Direction],
        context: Context,
        truth: list[Latents] | None = None,
    ) -> InversionFigures:
        inverter = loaded.inverter
        found, noise = np.array(made.w_plus), made.noise_maps()
        wanted = None
        if truth is not None:
            wanted = np.concatenate([np.array(t.w_plus) for t in truth[: len(made.steps)]])
        pictures = PictureFigures(loaded.judges, PREFIX)
        size = len(found) // len(made.steps)
        middles = range(size // 2, len(found), size)
        for done, middle in enumerate(middles):
            edited = self._edited(found[middle], directions, inverter)
            maps = [np.repeat(each[middle : middle + 1], len(edited), axis=0) for each in noise]
            should = None
            if wanted is not None:
                should = shown(inverter, self._edited(wanted[middle], directions, inverter))
            pictures.add([middle] * len(edited), shown(inverter, edited, maps), should)
            context.progress(done + 1, len(middles))
        added = pictures.figures()
        if wanted is not None:
            added = [_code_error(found, wanted, inverter.free_rows), *added]
        return replace(
            figures,
            figures=(*figures.figures, *added),
            edit_features=pictures.features,
            edit_wanted_features=pictures.wanted_features,
        )

    def _edited(self, code: F32, directions: Sequence[Direction], inverter: Inverter) -> F32:
        """(2 x directions, rows, style_dim) of one code (rows, style_dim)."""
        amounts, rows = (self.strength, -self.strength), len(code)
        if self.path == "straight":
            parts = [straight(each, amounts, rows) for each in directions]
        else:
            model = inverter.generator.generator
            paths = CurvedPaths(model.mapping, model.mean_latent(), self.psi)
            mean = torch.tensor(code[inverter.free_rows].mean(axis=0), device=inverter.device)
            z = paths.nearest(mean)
            parts = [curved(each, paths, z, amounts, rows) for each in directions]
        return code + np.concatenate(parts)


def _code_error(found: F32, wanted: F32, acting: Sequence[int]) -> Figure:
    codes = Series()
    for i, (a, b) in enumerate(zip(found, wanted, strict=True)):
        codes.add(i, float(np.square((a - b)[list(acting)]).mean()))
    return codes.figure("code_error", "face", "lower")
