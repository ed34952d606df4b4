"""Stage: what an edit of found codes comes to, where the true codes are known.

Paper 003, table 4: codes are edited, rendered, and compared with the same edit of the true codes.
Noise that was solved for stays as it is, as in the paper: that is where its ghosting comes from.
"""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import Latents
from stages.inverters.interface import shown
from stages.joint_inversion import Inverter, load_inverter
from stages.metrics.perceptual import EffnetDistance
from stages.metrics.psnr import squared_error
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.series import Series
from stages.synthesised import moved


class AddEditFigures(Stage):
    """Adds to the figures of an inversion: distance of the codes, and of edits of them.

    ``code_error`` is the mean squared difference over the rows that act. Edits are of the middle
    frame of each window, along every direction, both ways.
    """

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

    strength: float = 2.0
    """Of the edits, in standard deviations, added and taken away."""

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
        truth: list[Latents],
        directions: list[Direction],
        context: Context,
    ) -> InversionFigures:
        windows = truth[: len(made.steps)]
        wanted = np.concatenate([np.array(each.w_plus) for each in windows])
        found, noise = np.array(made.w_plus), made.noise_maps()
        acting = list(loaded.free_rows)
        codes, mse, apart = Series(), Series(), Series()
        distance = EffnetDistance(loaded.perceptual)
        offsets = [
            sign * self.strength * moved(direction, wanted.shape[1])
            for direction in directions
            for sign in (1, -1)
        ]
        at = 0
        for done, window in enumerate(windows):
            n = len(window.frame)
            for i in range(at, at + n):
                codes.add(i, float(np.square((found[i] - wanted[i])[acting]).mean()))
            middle = at + n // 2
            of_true = shown(loaded, _edited(wanted[middle], offsets))
            maps = [np.repeat(each[middle : middle + 1], len(offsets), axis=0) for each in noise]
            of_found = shown(loaded, _edited(found[middle], offsets), maps)
            for a, b, d in zip(of_true, of_found, distance(of_true, of_found), strict=True):
                error, count = squared_error(a, b)
                mse.add(middle, error / count / 255**2)
                apart.add(middle, float(d))
            at += n
            context.progress(done + 1, len(windows))
        added = (
            codes.figure("code_error", "face", "lower"),
            mse.figure("edit_mse", "face", "lower"),
            apart.figure(f"edit_{distance.name}", "face", "lower"),
        )
        return replace(figures, figures=(*figures.figures, *added))


def _edited(code: F32, offsets: list[F32]) -> F32:
    return np.stack([code + offset for offset in offsets])
