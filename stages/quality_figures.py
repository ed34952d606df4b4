"""NIQE of a few frames: how natural they look, without comparing with anything."""

import numpy as np

from stages.evaluation import Figure, Region
from stages.face_figures import FaceRow
from stages.metrics.niqe import LEAST, NAME, Pristine, niqe
from stages.paired_clips import Pair
from stages.quad import crop, side_of
from stages.series import Series

NO_NIQE = "its parameters are not here (pipeline weights pull niqe)"
_SMALL = f"needs {LEAST} pixels each way"


class QualityFigures:
    """Looks at ``looks`` frames, evenly spread: whole, and each face's crop in its own size.

    Figures of pictures of unlike size do not compare, so a result stands beside its source only.
    """

    def __init__(self, pristine: Pristine | None, frames: int, looks: int) -> None:
        self._pristine = pristine
        self._frames = set(np.linspace(0, frames - 1, min(looks, frames)).round().astype(int))
        self._scores: dict[Region, tuple[Series, Series]] = {
            "overall": (Series(), Series()),
            "face": (Series(), Series()),
        }

    def add(self, pair: Pair, rows: list[FaceRow]) -> None:
        """The next frame and its faces."""
        if self._pristine is None or pair.index not in self._frames:
            return
        images = (pair.before, pair.after)
        if min(pair.before.shape[:2]) >= LEAST:
            for image, series in zip(images, self._scores["overall"], strict=True):
                series.add(pair.index, niqe(image, self._pristine))
        for row in rows:
            side = round(float(side_of(row.quad)))
            if side >= LEAST:
                for image, series in zip(images, self._scores["face"], strict=True):
                    series.add(pair.index, niqe(crop(image, row.quad, side), self._pristine))

    def figures(self) -> list[Figure]:
        """One for whole frames, one for faces."""
        if self._pristine is None:
            return [Figure(NAME, region, None, "lower", note=NO_NIQE) for region in self._scores]
        found = []
        for region, (before, after) in self._scores.items():
            own, value = before.mean, after.mean
            ratio = value / own if value is not None and own else None
            note = "" if value is not None else _SMALL
            found.append(after.figure(NAME, region, "lower", source=own, ratio=ratio, note=note))
        return found
