"""Figures of whole frames: fidelity and steadiness, over all of a picture, in faces and outside."""

from collections.abc import Iterator

import cv2
import numpy as np

from stages.artifacts import Bool
from stages.evaluation import Figure, Region
from stages.metrics.psnr import from_error
from stages.metrics.ssim import ssim_map
from stages.metrics.warp_error import (
    FlowFunction,
    WarpError,
    dis_flow,
    motion,
    residual,
    total,
    warp,
)
from stages.paired_clips import Pair
from stages.series import Series

REGIONS: tuple[Region, ...] = ("overall", "face", "outside")
STILL = (0.25 / 255) ** 2
"""A source that does not move at all still has the noise of a quarter of a grey level."""


class _OfRegion:
    """Sums over one region."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.error, self.samples = 0.0, 0
        self.psnr, self.ssim, self.warp = Series(), Series(), Series()
        self.source, self.result = WarpError(), WarpError()

    def figures(self) -> Iterator[Figure]:
        mse = self.error / self.samples / 255**2 if self.samples else None
        psnr = from_error(self.error, self.samples) if self.samples else None
        why = "" if self.samples else "no frame has such pixels"
        squares = Series()
        for frame, value in zip(self.psnr.frames, self.psnr.values, strict=True):
            squares.add(frame, 10 ** (-value / 10))
        yield squares.figure("mse", self.region, "lower", value=mse, note=why)
        yield self.psnr.figure("psnr", self.region, "higher", value=psnr, unit="dB", note=why)
        yield self.ssim.figure("ssim", self.region, "higher", note=why)
        value, own = self.result.mean_squared, self.source.mean_squared
        yield self.warp.figure(
            "warp_error",
            self.region,
            "lower",
            value=value,
            source=own,
            ratio=max(value, STILL) / max(own, STILL),
            note=why if why or self.result.count else "no two neighbouring frames of a shot",
        )


class FrameFigures:
    """Takes pairs in order and keeps the last one only.

    MSE is of RGB values scaled to [0, 1], pooled over all pixels of all frames; PSNR is that of
    the pooled MSE. SSIM is of luma, averaged over a region's pixels and then over frames. The warp
    error of both clips is taken along the *source's* flow, where the source is visible in both
    frames; the per-pair values behind its spread and its worst frame are ratios.
    """

    def __init__(self, flow: FlowFunction = dis_flow) -> None:
        self._flow = flow
        self._regions = [_OfRegion(region) for region in REGIONS]
        self._last: tuple[Pair, Bool] | None = None

    def add(self, pair: Pair, faces: Bool, *, cut: bool) -> None:
        """The next frame. ``faces``: (h, w), in a face's crop; ``cut``: a shot begins here."""
        similarity = ssim_map(pair.before, pair.after)
        apart = cv2.absdiff(pair.before, pair.after).astype(np.int32)
        squares = np.asarray((apart * apart).sum(axis=2))
        for where, of in zip(_masks(faces), self._regions, strict=True):
            samples = 3 * int(np.count_nonzero(where))
            if not samples:
                continue
            error = float(squares[where].sum(dtype=np.int64))
            of.error, of.samples = of.error + error, of.samples + samples
            of.psnr.add(pair.index, from_error(error, samples))
            of.ssim.add(pair.index, float(similarity[where].mean(dtype=np.float64)))
        if self._last is not None and not cut:
            self._steadiness(pair, faces, *self._last)
        self._last = (pair, faces)

    def _steadiness(self, now: Pair, faces: Bool, last: Pair, last_faces: Bool) -> None:
        along = motion(last.before, now.before, self._flow)
        before = residual(last.before, now.before, along)
        after = residual(last.after, now.after, along)
        both = zip(_masks(faces), _masks(last_faces), self._regions, strict=True)
        for here, there, of in both:
            # A pixel counts with the one it came from, which lies where the flow says.
            came = here if of.region == "overall" else warp(there.astype(np.float32), along.flow)
            where = here & along.visible & (came > 0.999)
            source, result = total(before, where), total(after, where)
            if not source.count:
                continue
            of.source, of.result = of.source + source, of.result + result
            ratio = max(result.mean_squared, STILL) / max(source.mean_squared, STILL)
            of.warp.add(now.index, ratio)

    def figures(self) -> list[Figure]:
        """All figures, by region."""
        return [figure for of in self._regions for figure in of.figures()]


def _masks(faces: Bool) -> tuple[Bool, Bool, Bool]:
    """Of ``REGIONS``."""
    return np.ones_like(faces), faces, ~faces
