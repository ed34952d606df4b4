"""Stages: does an edit come undone? Latent editing consistency, LEC (e4e), of any inverter.

Found codes are edited and rendered, the pictures are inverted again as new ones are, and the edit
is taken back: ``stages.metrics.editing_consistency`` says how far that leads from where it began.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch

from pipeline.stage import Context, Resources, Stage
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import AlignedFaces
from stages.inverters.interface import shown
from stages.joint_inversion import Inverter, load_inverter
from stages.metrics.editing_consistency import distance
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.series import Series
from stages.synthesised import moved

LEC = "lec"


class ShowEdited(Stage):
    """The windows of an inversion, edited, as pictures to be inverted again."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

    strength: float = 2.0
    """Of the edit, in standard deviations."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context)

    def run(
        self,
        loaded: Inverter,
        made: InversionRun,
        faces: list[AlignedFaces],
        direction: Direction,
        context: Context,
    ) -> Iterator[AlignedFaces]:
        codes, noise = np.array(made.w_plus), made.noise_maps()
        codes = codes + self.strength * moved(direction, codes.shape[1])
        windows = faces[: len(made.steps)]
        ends = np.cumsum([0, *(len(window.frame) for window in windows)])
        for window, (a, b) in zip(windows, pairwise(ends), strict=True):
            images = shown(loaded, codes[a:b], [each[a:b] for each in noise])
            yield replace(window, frame=np.array(window.frame), crops=images)


class AddEditingConsistency(Stage):
    """Adds LEC, of each frame, over the rows that act; in units of the latent space."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    strength: float = 2.0
    """Of the edit that was made."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context)

    def run(
        self,
        loaded: Inverter,
        figures: InversionFigures,
        made: InversionRun,
        again: InversionRun,
        direction: Direction,
        context: Context,
    ) -> InversionFigures:
        codes, found = (torch.tensor(np.array(each.w_plus)) for each in (made, again))
        edit = torch.tensor(self.strength * moved(direction, codes.shape[1]))
        acting = torch.zeros(codes.shape[1], dtype=torch.bool)
        acting[loaded.free_rows] = True
        series = Series()
        for frame, far in enumerate(distance(codes, found, edit, acting).tolist()):
            series.add(frame, far)
        return replace(figures, figures=(*figures.figures, series.figure(LEC, "face", "lower")))
