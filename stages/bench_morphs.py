"""Stage: what lies half-way between found codes of two people.

Paper 003, tables 4 and 5: where codes lie in the editable part of the latent space, so does what is
between them. Where the true codes are known, the same point between them is what it should be.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.bench_edits import Editor
from stages.bench_inversion import InversionRun
from stages.evaluation import Figure, NiqeWeights
from stages.inversion_artifacts import Latents
from stages.inverters.interface import shown
from stages.joint_inversion import load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.picture_figures import PictureFigures, load_judges, no_features

PREFIX = "morph_"


@dataclass(frozen=True)
class MorphFigures(Artifact):
    """Of one inverter: ``morphs`` pictures. Features, (k, 320) each, as in InversionFigures."""

    morphs: int
    figures: tuple[Figure, ...] = field(repr=False)
    wanted_features: F32 = field(repr=False, default_factory=no_features)
    features: F32 = field(repr=False, default_factory=no_features)


class MeasureMorphs(Stage):
    """Middle frames of the windows, in a ring, each mixed with the next."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

    shares: tuple[float, ...] = Field(default=(0.25, 0.5, 0.75), min_length=1)
    """Of the second code in a mixture."""

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
        made: list[InversionRun],
        context: Context,
        truth: list[Latents] | None = None,
    ) -> MorphFigures:
        """``truth``: of the windows of the only run, where it is known."""
        found = np.concatenate([_middles(np.array(m.w_plus), len(m.steps)) for m in made])
        wanted = None
        if truth is not None:
            codes = np.concatenate([np.array(t.w_plus) for t in truth[: len(found)]])
            wanted = _middles(codes, len(found))
        pictures = PictureFigures(loaded.judges, PREFIX)
        # Two make one pair, not a ring of the same pair twice.
        ring = [*range(len(found)), 0] if len(found) > 2 else [*range(len(found))]
        for done, (a, b) in enumerate(pairwise(ring)):
            should = None
            if wanted is not None:
                should = shown(loaded.inverter, self._mixed(wanted[a], wanted[b]))
            images = shown(loaded.inverter, self._mixed(found[a], found[b]))
            pictures.add([done] * len(images), images, should)
            context.progress(done + 1, len(ring) - 1)
        return MorphFigures(
            morphs=len(pictures.features),
            figures=tuple(pictures.figures()),
            wanted_features=pictures.wanted_features,
            features=pictures.features,
        )

    def _mixed(self, a: F32, b: F32) -> F32:
        shares = np.asarray(self.shares, np.float32)[:, None, None]
        return np.asarray((1 - shares) * a + shares * b, np.float32)


def _middles(codes: F32, windows: int) -> F32:
    """(windows, rows, style_dim): the middle frame of each."""
    size = len(codes) // windows
    return codes[size // 2 :: size]
