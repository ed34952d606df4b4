"""Figures of pictures, with or without the pictures that they should be.

MSE is of RGB values scaled to [0, 1]. NIQE has its library in its name and looks at crops of 256,
four patches each: it compares pictures of that size with each other and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipeline.stage import Context
from stages.artifacts import F32, U8
from stages.evaluation import Figure, NiqeWeights
from stages.metrics.niqe import LEAST, NAME, Pristine, load_pristine, niqe
from stages.metrics.perceptual import EffnetDistance
from stages.metrics.psnr import psnr, squared_error
from stages.metrics.ssim import ssim_map
from stages.network_weights import PerceptualWeights
from stages.networks.perceptual import Perceptual
from stages.networks.pooled_features import DIMS, PooledFeatures
from stages.series import Series

NO_NIQE = "its parameters are not here (pipeline weights pull niqe)"


@dataclass(frozen=True)
class PictureJudges:
    """What looks at pictures. ``pristine``: of NIQE, where its parameters can be had."""

    distance: EffnetDistance
    pooled: PooledFeatures
    pristine: Pristine | None = None


def load_judges(
    perceptual: PerceptualWeights, niqe: NiqeWeights | None, context: Context
) -> PictureJudges:
    """Read the networks from their files."""
    if context.threads:
        torch.set_num_threads(context.threads)
    return PictureJudges(
        EffnetDistance(Perceptual(perceptual.folder)),
        PooledFeatures(perceptual.folder),
        load_pristine(niqe.folder) if niqe else None,
    )


class PictureFigures:
    """Takes pictures in portions, in order.

    Args:
        judges: what looks at them.
        prefix: of the figures' names.
    """

    def __init__(self, judges: PictureJudges, prefix: str = "") -> None:
        self._judges = judges
        self._prefix = prefix
        self._mse, self._psnr, self._ssim = Series(), Series(), Series()
        self._apart, self._natural, self._own = Series(), Series(), Series()
        self._features: tuple[list[F32], list[F32]] = ([], [])

    def add(self, frames: Sequence[int], made: U8, wanted: U8 | None = None) -> None:
        """``made``: (n, s, s, 3). ``wanted``: what they should be, where that is known."""
        self._features[0].append(self._judges.pooled(made))
        self._score(frames, made, self._natural)
        if wanted is None:
            return
        self._features[1].append(self._judges.pooled(wanted))
        self._score(frames, wanted, self._own)
        far = self._judges.distance(wanted, made)
        for frame, a, b, apart in zip(frames, wanted, made, far, strict=True):
            error, count = squared_error(a, b)
            self._mse.add(frame, error / count / 255**2)
            self._psnr.add(frame, psnr(a, b))
            self._ssim.add(frame, float(ssim_map(a, b).mean(dtype=np.float64)))
            self._apart.add(frame, float(apart))

    def _score(self, frames: Sequence[int], images: U8, series: Series) -> None:
        pristine = self._judges.pristine
        if pristine is None or min(images.shape[1:3]) < LEAST:
            return
        for frame, image in zip(frames, images, strict=True):
            series.add(frame, niqe(image, pristine))

    def figures(self) -> list[Figure]:
        """Of all pictures; without ``wanted`` only how natural they look."""
        note = ""
        if not self._natural.values:
            small = f"needs {LEAST} pixels each way"
            note = NO_NIQE if self._judges.pristine is None else small
        natural = self._natural.figure(
            f"{self._prefix}{NAME}", "face", "lower", source=self._own.mean, note=note
        )
        if not self._mse.values:
            return [natural]
        return [
            self._mse.figure(f"{self._prefix}mse", "face", "lower"),
            self._psnr.figure(f"{self._prefix}psnr", "face", "higher", unit="dB"),
            self._ssim.figure(f"{self._prefix}ssim", "face", "higher"),
            self._apart.figure(f"{self._prefix}{self._judges.distance.name}", "face", "lower"),
            natural,
        ]

    @property
    def features(self) -> F32:
        """(n, 320) of the pictures, for a Frechet distance."""
        return _joined(self._features[0])

    @property
    def wanted_features(self) -> F32:
        """(n, 320) of what they should be; none where that is not known."""
        return _joined(self._features[1])


def _joined(parts: list[F32]) -> F32:
    return np.concatenate(parts) if parts else no_features()


def no_features() -> F32:
    """(0, 320)."""
    return np.zeros((0, DIMS), np.float32)
