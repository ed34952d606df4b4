"""How evenly a morph goes: what changes from each frame to the next."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from stages.artifacts import F32, F64, U8
from stages.detect import DetectFaces, FaceFinder
from stages.face_motion import between_eyes
from stages.metrics.perceptual import PerceptualMetric
from stages.networks.mobilefacenet import NAME, Identity, face_chip


@dataclass(frozen=True)
class StepFigure:
    """Of one measure over all steps. ``spread``: standard deviation over mean, 0 for a morph that
    goes evenly. ``worst``: the largest step over the mean, and ``worst_frame`` the frame it leads
    to. ``whole``: the same measure between the first frame and the last."""

    name: str
    steps: int
    mean: float
    spread: float
    worst: float
    worst_frame: int
    whole: float

    @classmethod
    def of(cls, name: str, steps: F64, whole: float) -> "StepFigure":
        """``steps``: (n,), of frame i + 1 against frame i; nan where one has no face."""
        mean = float(np.nanmean(steps))
        return cls(
            name=name,
            steps=int(np.isfinite(steps).sum()),
            mean=mean,
            spread=float(np.nanstd(steps) / mean) if mean > 0 else 0.0,
            worst=float(np.nanmax(steps) / mean) if mean > 0 else 1.0,
            worst_frame=int(np.nanargmax(steps)) + 1,
            whole=whole,
        )


@dataclass
class MorphFigures:
    """Takes the frames (256, 256, 3) in order. Identity only with a recognition network."""

    distance: PerceptualMetric
    finder: FaceFinder
    identity: Identity | None = None
    _crops: list[U8] = field(default_factory=list)
    _meshes: list[F32 | None] = field(default_factory=list)
    _persons: list[F32 | None] = field(default_factory=list)
    _perceptual: list[float] = field(default_factory=list)

    def add(self, crop: U8) -> None:
        """The next frame."""
        found = DetectFaces().faces_in(self.finder, crop, [])
        mesh = found[0].landmarks if found else None
        if self._crops:
            self._perceptual.append(self._apart(self._crops[-1], crop))
        # Only the ends of the morph are needed again.
        self._crops = [*self._crops[:1], crop]
        self._meshes.append(mesh)
        if self.identity is not None:
            chip = None if mesh is None else face_chip(crop, mesh)
            self._persons.append(None if chip is None else self.identity(chip[None])[0])

    def figures(self) -> tuple[StepFigure, ...]:
        """After the last of at least two frames; a measure that no step has is left out."""
        whole = self._apart(self._crops[0], self._crops[-1])
        made = [StepFigure.of(f"root of {self.distance.name}", np.array(self._perceptual), whole)]
        made += _between("landmarks", self._meshes, _moved)
        if self.identity is not None:
            made += _between(f"identity_{NAME}", self._persons, _other)
        return tuple(made)

    def _apart(self, a: U8, b: U8) -> float:
        return float(lengths(self.distance, a[None], b[None])[0])


def lengths(distance: PerceptualMetric, a: U8, b: U8) -> F64:
    """(n,) roots of perceptual distances: those are squared, and half a step is a quarter of one.

    Args:
        a, b: (n, s, s, 3) uint8 RGB each.
    """
    return np.asarray(np.sqrt(np.maximum(distance(a, b).astype(np.float64), 0)), np.float64)


def _between(
    name: str, values: Sequence[F32 | None], apart: Callable[[F32, F32], float]
) -> list[StepFigure]:
    def one(a: F32 | None, b: F32 | None) -> float:
        return float("nan") if a is None or b is None else apart(a, b)

    steps = np.array([one(a, b) for a, b in pairwise(values)])
    if not np.isfinite(steps).any():
        return []
    return [StepFigure.of(name, steps, one(values[0], values[-1]))]


def _moved(a: F32, b: F32) -> float:
    """Mean distance of corresponding landmarks (468, 2), in distances of the eyes."""
    gap = np.linalg.norm(a.astype(np.float64) - b, axis=-1).mean()
    return float(gap / between_eyes(a[None])[0])


def _other(a: F32, b: F32) -> float:
    """One minus the cosine of two unit vectors."""
    return float(1 - a @ b)
