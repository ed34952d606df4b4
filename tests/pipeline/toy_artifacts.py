"""Artifacts for the core's own tests. Importable by name, so that Ray's workers find them."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.artifact import Artifact


@dataclass(frozen=True)
class Numbers(Artifact):
    values: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Tag:
    name: str
    range: tuple[int, int]


@dataclass(frozen=True)
class Everything(Artifact):
    rate: Fraction
    kind: Literal["a", "b"]
    tags: tuple[Tag, ...]
    limit: float
    note: str | None
    values: NDArray[np.float32]
    anything: np.ndarray | None
    file: Path
    folder: Path | None = None


@dataclass(frozen=True)
class Source(Artifact):
    """Comes from outside."""

    path: Path
    digest: str

    def identity(self) -> str:
        return self.digest


@dataclass(frozen=True)
class Scale(Artifact):
    """Stands for weights."""

    factor: float
