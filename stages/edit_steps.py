"""One unit of every edit, as a step in W+ that leaves the other asked edits alone.

A strength k asks that the projection of the code on the edit's direction d changes by k sigma: that
is how its unit is defined. Added up as they are, directions that are not orthogonal take from each
other: ``age=+2,smile=-1`` moves age by ``2 sigma_age - cos(age, smile) sigma_smile``. So each is
replaced by its dual among the asked ones, in every row of W+ where several act:

    u_i = r_i / |r_i|^2,   r_i = d_i - P d_i

with P the projection on the span of the other directions that act in the row. Then
``d_i . (sum of k_j sigma_j u_j) = k_i sigma_i`` exactly, in whatever order edits are given, and no
shorter step does that. r_i is InterFaceGAN's conditional manipulation (Shen et al. 2020, section
3.2: n1 - (n1.n2) n2); its length is chosen so that what was asked is kept. An edit by itself is
what it was, and ``smile=0`` beside ``age=+2`` holds the smile.

A direction with a vector of its own for negative strengths makes two steps, and others are made
orthogonal to both: which of the two is in use may change over time, and nothing jumps when it does.
In rows for which a file has a share, k is that share of what was asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import numpy as np

from pipeline.failure import UsageError
from stages.artifacts import F32, F64
from stages.direction_file import DirectionHeader, read_below, read_direction
from stages.edit_artifacts import Direction

LEAST_APART = 0.5
"""Sine of the angle between a direction and the span of the others below which they are refused:
the step that moves one and not the others would be more than twice as long as the edit itself."""


@dataclass(frozen=True)
class KnownDirection:
    """A direction file as it was read. ``below`` is None where there is one vector for both."""

    header: DirectionHeader
    vector: F32 = field(repr=False)
    below: F32 | None = field(repr=False)

    @classmethod
    def read(cls, direction: Direction) -> Self:
        """Raises InputError: it is not a direction file."""
        header, vector = read_direction(direction.file)
        return cls(header, vector, read_below(direction.file) if header.below else None)

    def sides(self) -> list["Side"]:
        """That for positive strengths, then that for negative ones if they differ."""
        header, even = self.header, (1.0,) * len(self.header.rows)
        found = [Side(self.vector.astype(np.float64), header.sigma, even)]
        if self.below is not None and header.below is not None:
            below = header.below
            found.append(Side(self.below.astype(np.float64), below.sigma, below.shares or even))
        return found


class Side(NamedTuple):
    """A unit vector (style_dim,), its sigma, and by which part of that each row moves."""

    vector: F64
    sigma: float
    shares: tuple[float, ...]


def steps_of(directions: Sequence[KnownDirection], rows: int) -> list[list[F32]]:
    """For each direction its one or two steps (rows, style_dim), of one sigma each.

    Raises:
        UsageError: two of them are too nearly the same to be told apart.
    """
    found: list[list[F32]] = []
    for direction in directions:
        steps = []
        for vector, sigma, shares in direction.sides():
            step = np.zeros((rows, len(vector)), np.float64)
            for row, share in zip(direction.header.rows, shares, strict=True):
                others = [
                    other
                    for other in directions
                    if other is not direction and row in other.header.rows
                ]
                step[row] = share * sigma * _dual(direction.header.name, vector, others)
            steps.append(step.astype(np.float32))
        found.append(steps)
    return found


def offset_of(direction: KnownDirection, sigmas: float, rows: int) -> F32:
    """(rows, style_dim) that one edit by itself adds to a code."""
    ((above, *below),) = steps_of([direction], rows)
    return np.asarray(sigmas * (below[0] if below and sigmas < 0 else above), np.float32)


def _dual(name: str, vector: F64, others: Sequence[KnownDirection]) -> F64:
    """u of the module's formula: ``vector . u`` is 1 and u is orthogonal to all others."""
    if not others:
        return vector
    spanned = np.stack([side.vector for each in others for side in each.sides()])
    _, lengths, basis = np.linalg.svd(spanned, full_matrices=False)
    basis = basis[lengths > 1e-6 * lengths[0]]
    rest = vector - basis.T @ (basis @ vector)
    apart = float(rest @ rest)
    if apart < LEAST_APART**2:
        names = " and ".join(other.header.name for other in others)
        raise UsageError(
            f"The edits {name} and {names} cannot be combined, they are too nearly the same: "
            f"the sine of the angle between them is {apart**0.5:.2f}, and at least "
            f"{LEAST_APART:g} is needed."
        )
    return np.asarray(rest / apart, np.float64)
