"""Motion files: what a face did, to be given to other faces. Safetensors with a JSON header.

``seconds`` (n,) float64 from the first frame; ``codes`` (n, rows, style_dim) float32, differences
from the first frame's code on the rows of W+ that the header names (the summed steps of the joint
inversion, paper 003, eq. 3); ``measures`` (n, measures) float32, what ``stages.face_motion`` saw in
the same frames.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pipeline.artifact import Artifact
from pipeline.failure import InputError, UsageError
from stages.artifacts import F32, F64

HEADER = "motion.json"
LICENCE = "Derived from weights that are non-commercial at their root, and from a clip of a person."
LONGEST = 100_000
"""Frames that a file may have."""


class MotionHeader(BaseModel):
    """What a motion file says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    generator: str
    """Name of the generator in the weights manifest."""
    rows: tuple[int, ...] = Field(min_length=1)
    """Rows of W+ that the differences are of."""
    style_dim: int = Field(gt=0)
    """Length of each row."""
    measures: tuple[str, ...]
    """What was measured in each frame (``stages.face_motion``)."""
    smoothing: float = Field(ge=0)
    """Sigma in seconds with which the codes were smoothed over time."""
    made_by: str
    """The command."""
    licence: str = LICENCE


@dataclass(frozen=True)
class Motion(Artifact):
    """A motion file."""

    file: Path
    sha256: str

    def identity(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class Moves:
    """A motion file that was read. Shapes as in the module's docstring."""

    header: MotionHeader
    seconds: F64 = field(repr=False)
    codes: F32 = field(repr=False)
    measures: F32 = field(repr=False)

    def measure(self, name: str) -> F64:
        """(n,) one of the measures."""
        return self.measures[:, self.header.measures.index(name)].astype(np.float64)

    def on(self, rows: tuple[int, ...]) -> F32:
        """(n, rows, style_dim) differences on some rows; zero where the file has none."""
        found = np.zeros((len(self.seconds), len(rows), self.header.style_dim), np.float32)
        for place, row in enumerate(rows):
            if row in self.header.rows:
                found[:, place] = self.codes[:, self.header.rows.index(row)]
        return found


def write_motion(path: Path, moves: Moves) -> Motion:
    """Write a file and return it as an artifact."""
    tensors: dict[str, np.ndarray] = {
        "seconds": np.ascontiguousarray(moves.seconds, np.float64),
        "codes": np.ascontiguousarray(moves.codes, np.float32),
        "measures": np.ascontiguousarray(moves.measures, np.float32),
    }
    save_file(tensors, path, {HEADER: moves.header.model_dump_json()})
    return open_motion(path)


def open_motion(path: Path) -> Motion:
    """The file as an artifact that can be given to a plan.

    Raises:
        InputError: it is not a motion file.
    """
    read_motion_header(path)
    with path.open("rb") as file:
        return Motion(file=path, sha256=hashlib.file_digest(file, "sha256").hexdigest())


def read_motion_header(path: Path) -> MotionHeader:
    """What a file says of itself.

    Raises:
        InputError: it is not a motion file.
    """
    return _read(path, whole=False).header


def read_motion(path: Path) -> Moves:
    """A motion file.

    Raises:
        InputError: it is not one.
    """
    return _read(path, whole=True)


def check_generator(header: MotionHeader, generator: str, name: str) -> None:
    """Refuse a motion that belongs to another generator."""
    if header.generator != generator:
        raise UsageError(
            f"The motion {name} belongs to the generator {header.generator}; this run renders "
            f"with {generator}."
        )


def _read(path: Path, *, whole: bool) -> Moves:
    try:
        with safe_open(path, framework="numpy") as file:
            header = MotionHeader.model_validate_json((file.metadata() or {}).get(HEADER, ""))
            n = file.get_slice("seconds").get_shape()[0]
            wanted = {
                "seconds": [n],
                "codes": [n, len(header.rows), header.style_dim],
                "measures": [n, len(header.measures)],
            }
            shapes = {name: file.get_slice(name).get_shape() for name in wanted}
            if shapes != wanted or not 2 <= n <= LONGEST:
                raise ValueError(f"tensors of shapes {shapes}")
            if not whole:
                none = np.zeros(0, np.float32)
                return Moves(header, none.astype(np.float64), none, none)
            moves = Moves(header, *(file.get_tensor(name) for name in wanted))
        values = (moves.seconds, moves.codes, moves.measures)
        if not all(np.isfinite(each).all() for each in values):
            raise ValueError("values that are not finite")
        if moves.seconds[0] != 0 or (np.diff(moves.seconds) <= 0).any():
            raise ValueError("times that do not rise from 0")
    except (OSError, SafetensorError, ValidationError, ValueError, IndexError) as error:
        raise InputError(f"{path} is not a motion file ({type(error).__name__}).") from error
    return moves
