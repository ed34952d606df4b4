"""Direction files: safetensors with a JSON header, never pickle.

The vector ``direction`` (style_dim,) has unit length. The header says which generator it belongs
to, on which rows of W+ it acts, and its unit: one sigma is the standard deviation of the
projection on it over 10,000 unmodified samples of the mapping network.

A label need not fall the way it rose: what makes a face younger is not the opposite of what makes
it older. So a file may hold a second vector, ``below``, for negative strengths; it points the same
way, towards more of the label, and has its own unit, measured alike. Rows of W+ may go along it by
different shares of that unit.
"""

import hashlib
from bisect import bisect_left
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from pipeline.failure import InputError, UsageError
from stages.artifacts import F32
from stages.edit_artifacts import Direction

HEADER = "direction.json"
DEGREES = "degrees"
"""The unit of labels that are angles."""
LICENCE = "Derived from weights that are non-commercial at their root; see MODELS.md."


class Below(BaseModel):
    """What a direction file says of its vector for negative strengths."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    sigma: float = Field(gt=0)
    """One unit of strength, as a length in W."""
    years_per_sigma: float | None = None
    """Mean change of the apparent age by one sigma, measured on held-back faces."""
    correlation: float = Field(ge=-1, le=1)
    """Of the projection with the label, on held-back samples."""
    shares: tuple[Annotated[float, Field(ge=0, le=2)], ...] | None = None
    """By which part of a sigma each of the direction's rows moves; all by a whole one if None."""
    leaning: tuple[tuple[str, float], ...] = ()
    """Labels that it leans towards, in sigmas of theirs for one of its own: to these the vector is
    not orthogonal, whatever the file says of its other one."""


class DirectionHeader(BaseModel):
    """What a direction file says of itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")
    generator: str
    """Name of the generator in the weights manifest."""
    rows: tuple[int, ...]
    """Rows of W+ it acts on."""
    sigma: float = Field(gt=0)
    """One unit of strength, as a length in W."""
    mean: float
    """Mean projection of the same samples, so that a face can be placed among them."""
    years_per_sigma: float | None = None
    """Mean change of the apparent age by one sigma, measured on held-back faces."""
    correlation: float | None = Field(default=None, ge=-1, le=1)
    """Of the projection with the label, on held-back samples; none where nothing was labelled."""
    unit: str | None = None
    """What the label is measured in."""
    unit_per_sigma: float | None = None
    """By how much of it held-back samples differ that lie a sigma apart (slope of a regression)."""
    years: tuple[tuple[float, float], ...] = ()
    """Sigmas, and by how many years photographs were seen to change by them when all is done to
    them that is done to a clip, in the mean; rising in both, through (0, 0). Where it is given,
    years go by it: ``years_per_sigma`` is of renders."""
    photographs: int | None = None
    """How many."""
    orthogonal_to: tuple[str, ...] = ()
    below: Below | None = None
    """Set where negative strengths have a vector of their own."""
    how: str | None = None
    """The method, in words."""
    made_by: str
    """The command."""
    licence: str

    @model_validator(mode="after")
    def _as_many_shares_as_rows(self) -> Self:
        if self.below and self.below.shares and len(self.below.shares) != len(self.rows):
            raise ValueError("there is a share for every row or for none")
        return self

    @model_validator(mode="after")
    def _years_rise(self) -> Self:
        rising = all(a < c and b < d for (a, b), (c, d) in pairwise(self.years))
        if self.years and not (rising and (0, 0) in self.years and len(self.years) > 2):
            raise ValueError("years do not rise with sigmas through nothing")
        return self

    def sigmas_of(self, years: float) -> float | None:
        """By how many sigmas the apparent age changes so much; None where that is unknown.

        Beyond what was seen it goes on as between the last two that were.
        """
        if not self.years:
            side = self.below if years < 0 and self.below else self
            return years / side.years_per_sigma if side.years_per_sigma else None
        last = bisect_left([seen for _, seen in self.years], years)
        end = min(max(last, 1), len(self.years) - 1)
        (low, before), (high, after) = self.years[end - 1], self.years[end]
        return low + (high - low) * (years - before) / (after - before)


def write_direction(
    path: Path, header: DirectionHeader, vector: F32, below: F32 | None = None
) -> Direction:
    """Write a file and return it as an artifact.

    Args:
        vector: (style_dim,), of unit length.
        below: the same for negative strengths, where the header says that there is one.

    Raises:
        ValueError: the header says one thing and the vectors another.
    """
    if (below is None) != (header.below is None):
        raise ValueError("a second vector and its unit go together")
    vectors = {"direction": vector.astype(np.float32)}
    if below is not None:
        vectors["below"] = below.astype(np.float32)
    save_file(vectors, path, {HEADER: header.model_dump_json(exclude_none=True)})
    return open_direction(path)


def check_rows(rows: tuple[int, ...], active: tuple[int, ...]) -> tuple[int, ...]:
    """Those rows, or without any all that act.

    Raises:
        UsageError: one of them does not reach the picture.
    """
    if wrong := sorted(set(rows) - set(active)):
        raise UsageError(
            f"Row {wrong[0]} of W+ does not reach the picture: {', '.join(map(str, active))} do."
        )
    return tuple(sorted(set(rows))) or active


def open_direction(path: Path) -> Direction:
    """The file as an artifact that can be given to a plan."""
    header, _ = read_direction(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Direction(name=header.name, file=path, sha256=digest)


def read_direction(path: Path) -> tuple[DirectionHeader, F32]:
    """Header and unit vector (style_dim,).

    Raises:
        InputError: it is not a direction file.
    """
    header, vectors = _read(path)
    return header, vectors[0]


def read_below(path: Path) -> F32:
    """Unit vector (style_dim,) for negative strengths; the only one where there is only one.

    Raises:
        InputError: it is not a direction file.
    """
    return _read(path)[1][-1]


def _read(path: Path) -> tuple[DirectionHeader, list[F32]]:
    if not path.is_file():
        raise InputError(f"There is no direction file {path}.")
    try:
        with safe_open(path, framework="numpy") as file:
            header = DirectionHeader.model_validate_json((file.metadata() or {}).get(HEADER, ""))
            names = ("direction", "below") if header.below else ("direction",)
            vectors = [np.asarray(file.get_tensor(name), np.float32) for name in names]
    except (OSError, SafetensorError, ValidationError, ValueError) as error:
        raise InputError(f"{path} is not a direction file ({type(error).__name__}).") from error
    for vector in vectors:
        if vector.shape != vectors[0].shape or vector.ndim != 1 or not np.isfinite(vector).all():
            raise InputError(f"{path} is not a direction file: its vector is {vector.shape}.")
    return header, vectors
