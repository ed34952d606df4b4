"""Landmark jitter: how restlessly a face's points move in the face's own steady crop.

The root mean square over points and frames of ``|a_t|``, where a_t is a point's acceleration by the
second divided difference, which for unevenly spaced frames is
``2 ((p2 - p1) / (t2 - t1) - (p1 - p0) / (t1 - t0)) / (t2 - t0)``.

Convention. Points are in widths of the crop, so that sizes of faces do not matter and the head's
own way through the picture is taken out; the unit is crop widths per second squared. A face that
talks accelerates too: the number means something beside the source's own, in the *same* crops.
"""

from collections import deque
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]


class Jitter:
    """Takes one face's points frame by frame and keeps three of them.

    ``count``: how many accelerations there were.
    """

    def __init__(self) -> None:
        self.count = 0
        self._last: deque[tuple[float, F64]] = deque(maxlen=3)
        self._sum = 0.0

    def add(self, seconds: float, points: F64) -> None:
        """The next frame: ``points`` (k, 2) in crop widths, at ``seconds``, later than the last."""
        self._last.append((seconds, points))
        if len(self._last) == 3:
            (t0, p0), (t1, p1), (t2, p2) = self._last
            rate = 2 * ((p2 - p1) / (t2 - t1) - (p1 - p0) / (t1 - t0)) / (t2 - t0)
            self._sum += float((rate**2).sum(axis=1).mean())
            self.count += 1

    def interrupt(self) -> None:
        """The face was lost: no difference is taken across this."""
        self._last.clear()

    @staticmethod
    def pooled(several: "Iterable[Jitter]") -> float | None:
        """Root mean square acceleration of all; None without three frames in a row."""
        jitters = list(several)
        count = sum(jitter.count for jitter in jitters)
        return float(np.sqrt(sum(jitter._sum for jitter in jitters) / count)) if count else None
