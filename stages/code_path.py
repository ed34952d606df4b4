"""The codes of all edited rows: filled in between those that were solved, smoothed over time."""

from bisect import bisect

import numpy as np

from stages.artifacts import F32, Alignment, Video
from stages.crop_faces import runs
from stages.inversion_artifacts import Latents

REACH = 3.0
"""Sigmas at which the Gaussian ends."""


class CodePath:
    """Codes along each run of a face.

    Smoothing never crosses from one run to another, and counts in seconds, so that frames at
    uneven distances are weighed by their time.
    """

    def __init__(
        self, latents: list[Latents], alignment: Alignment, video: Video, sigma: float
    ) -> None:
        place = {(x.track, int(f)): (x, i) for x in latents for i, f in enumerate(x.frame)}
        at = zip(alignment.track.tolist(), alignment.frame.tolist(), strict=True)
        self._place = {row: place[key] for row, key in enumerate(at) if key in place}
        self._seconds = video.seconds[alignment.frame]
        self._sigma = sigma
        self._run = {
            row: (first, last) for first, last in runs(alignment) for row in range(first, last)
        }
        self._solved = sorted(self._place)
        ends = {row for first, last in self._run.values() for row in (first, last - 1)}
        if missing := sorted(ends - set(self._place)):
            raise ValueError(f"{len(missing)} ends of runs have no codes: {missing[0]}")

    @property
    def rows(self) -> list[int]:
        """All rows that have codes, in order."""
        return sorted(self._run)

    def codes(self, rows: list[int]) -> F32:
        """(n, w_plus rows, style_dim) of these rows."""
        return np.stack([self._smoothed(row) for row in rows])

    def _code(self, row: int) -> F32:
        """As it was solved, or by time between those of the neighbours that were."""
        if row in self._place:
            item, index = self._place[row]
            return np.asarray(item.w_plus[index], np.float32)
        at = bisect(self._solved, row)
        left, right = self._solved[at - 1], self._solved[at]
        a, b, now = (self._seconds[r] for r in (left, right, row))
        share = np.float32((now - a) / (b - a))
        return (1 - share) * self._code(left) + share * self._code(right)

    def _smoothed(self, row: int) -> F32:
        if self._sigma == 0:
            return self._code(row)
        first, last = self._run[row]
        near, weights = [row], [1.0]
        for step in (-1, 1):
            other = row + step
            while first <= other < last:
                away = abs(self._seconds[other] - self._seconds[row]) / self._sigma
                if away > REACH:
                    break
                near.append(other)
                weights.append(float(np.exp(-(away**2) / 2)))
                other += step
        total = sum(weights)
        found = sum(
            (w / total * self._code(r) for w, r in zip(weights, near, strict=True)),
            np.zeros((), np.float32),
        )
        return np.asarray(found, np.float32)
