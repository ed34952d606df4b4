"""Typed artifacts of the edit: directions, what is done with them, and the result.

Conventions are those of ``stages.artifacts``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.artifact import Artifact
from stages.artifacts import F32, Bool, check


@dataclass(frozen=True)
class Direction(Artifact):
    """An edit direction as a safetensors file, see ``stages.direction_file``."""

    name: str
    file: Path
    sha256: str

    def identity(self) -> str:
        return f"{self.name}:{self.sha256}"


@dataclass(frozen=True)
class Edits(Artifact):
    """What is added to every code: ``sum of strengths[r, j] * steps[j]`` in the alignment's row r.

    ``strengths``: (alignment rows, j), of each step at that time for that face. ``steps``:
    (j, w_plus rows, style_dim), zero on rows of W+ where a step does not act. ``names``: (j,) what
    each step changes; a name may come several times. ``beyond``: where a strength leaves the safe
    range of its face, a sentence each.
    """

    text: str
    names: tuple[str, ...]
    strengths: F32 = field(repr=False)
    steps: F32 = field(repr=False)
    beyond: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.names)
        check(self.steps.ndim == 3 and len(self.steps) == n, f"steps {self.steps.shape} for {n}")
        check(
            self.strengths.ndim == 2 and self.strengths.shape[1] == n,
            f"strengths {self.strengths.shape} for {n} steps",
        )

    def offset(self, rows: Sequence[int]) -> F32:
        """(n, w_plus rows, style_dim) that is added to the codes of these rows of the alignment."""
        return np.asarray(np.tensordot(self.strengths[list(rows)], self.steps, 1), np.float32)


@dataclass(frozen=True)
class Rendered(Artifact):
    """The edited clip as a file, and what happened to each frame.

    ``edited``: (frames,) bool. ``psnr``: (rows,) dB of the inversion at 256 for each edited face.
    """

    file: Path
    edited: Bool
    psnr: F32
    render_size: int


@dataclass(frozen=True)
class Result(Artifact):
    """The verified clip. ``summary`` is what the report says of it, as JSON."""

    file: Path
    summary: str

    def report(self) -> dict[str, object]:
        """The summary as an object: frames, edited, passed, inversion_psnr_256, ..."""
        found = json.loads(self.summary)
        assert isinstance(found, dict)  # written by Verify
        return found
