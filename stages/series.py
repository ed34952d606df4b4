"""A measure frame by frame, and the figure it comes to."""

from collections.abc import Callable

import numpy as np

from stages.evaluation import Better, Figure, Region


class Series:
    """Values of a measure with the frames they are of. Constant memory but for the numbers."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.frames: list[int] = []

    def add(self, frame: int, value: float) -> None:
        """One frame's value; may be infinite or nan."""
        self.frames.append(frame)
        self.values.append(float(value))

    @property
    def mean(self) -> float | None:
        """Of the values that are numbers; None without one."""
        known = [v for v in self.values if not np.isnan(v)]
        return float(np.mean(known)) if known else None

    def figure(
        self,
        name: str,
        region: Region,
        better: Better,
        *,
        value: float | None = None,
        source: float | None = None,
        ratio: float | None = None,
        unit: str = "",
        note: str = "",
    ) -> Figure:
        """The figure; ``value`` replaces the mean of the frames where they are pooled otherwise."""
        known = [(v, f) for v, f in zip(self.values, self.frames, strict=True) if not np.isnan(v)]
        told = self.mean if value is None else value
        if not known or told is None or np.isnan(told):
            return Figure(name, region, None, better, unit, note=note or "nothing to measure")
        # Far from 1 in either direction is bad where 1 is best.
        badness: Callable[[float], float] = {
            "higher": lambda v: -v,
            "lower": lambda v: v,
            "one": lambda v: abs(v - 1),
        }[better]
        worst, frame = max(known, key=lambda pair: badness(pair[0]))
        finite = [v for v, _ in known if np.isfinite(v)]
        return Figure(
            name=name,
            region=region,
            value=told,
            better=better,
            unit=unit,
            source=source,
            ratio=ratio,
            count=len(known),
            spread=float(np.std(finite)) if finite else None,
            worst=worst,
            worst_frame=frame,
            note=note,
        )
