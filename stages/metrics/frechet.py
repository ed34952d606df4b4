"""Frechet distance between two sets of pictures, by the Gaussians of their features.

``d^2 = |m_a - m_b|^2 + tr(C_a + C_b - 2 (C_a C_b)^(1/2))`` (Dowson and Landau 1982; Heusel et al.
2017, eq. 6). FID is this number on features of one particular Inception network; on any other it
has to be called by another name. It is biased upwards by small samples, so distances compare only
at equal numbers, and below as many samples as features the covariances have no full rank.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
Features = NDArray[np.floating]


class Moments:
    """Sums over features that come in portions, so that nothing else need be kept."""

    def __init__(self, dims: int) -> None:
        self.count = 0
        self._sum = np.zeros(dims)
        self._products = np.zeros((dims, dims))

    def add(self, features: Features) -> None:
        """``features``: (n, dims)."""
        rows = features.astype(np.float64)
        self.count += len(rows)
        self._sum += rows.sum(axis=0)
        self._products += rows.T @ rows

    @property
    def mean(self) -> F64:
        """(dims,)."""
        return np.asarray(self._sum / self.count)

    @property
    def covariance(self) -> F64:
        """(dims, dims), unbiased."""
        mean = self.mean
        return np.asarray((self._products - self.count * np.outer(mean, mean)) / (self.count - 1))


@dataclass(frozen=True)
class FrechetDistance:
    """``value`` is the squared distance, as FID is quoted. ``samples``: the smaller set's.

    ``full_rank`` is False where there are not more samples than features: then the number may be
    compared with others of the same number of samples, and quoted with this flag only.
    """

    value: float
    samples: int
    dims: int
    shrinkage: float

    @property
    def full_rank(self) -> bool:
        return self.samples > self.dims


def frechet(a: Moments, b: Moments, shrinkage: float = 0.0) -> FrechetDistance:
    """The distance between two sets.

    Args:
        a: at least two samples.
        b: at least two samples, as many dimensions.
        shrinkage: share of both covariances that is replaced by their mean variance on the
            diagonal, in [0, 1]; 0 leaves them as they are.

    Raises:
        ValueError: fewer than two samples, or dimensions that differ.
    """
    samples, dims = min(a.count, b.count), len(a.mean) if a.count else 0
    if samples < 2:
        raise ValueError(f"a Frechet distance needs two samples or more, got {samples}")
    if len(b.mean) != dims:
        raise ValueError(f"features differ in length: {dims} and {len(b.mean)}")
    ca, cb = (_shrunk(moments.covariance, shrinkage) for moments in (a, b))
    apart = a.mean - b.mean
    # tr (Ca Cb)^1/2 = tr (Ca^1/2 Cb Ca^1/2)^1/2, and that one is symmetric.
    root = _root(ca)
    cross = np.sqrt(np.linalg.eigvalsh(root @ cb @ root).clip(min=0)).sum()
    value = float(apart @ apart + np.trace(ca) + np.trace(cb) - 2 * cross)
    return FrechetDistance(max(value, 0.0), samples, dims, shrinkage)


def _shrunk(covariance: F64, share: float) -> F64:
    even = np.eye(len(covariance)) * np.trace(covariance) / len(covariance)
    return np.asarray((1 - share) * covariance + share * even)


def _root(matrix: F64) -> F64:
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.sqrt(values.clip(min=0))) @ vectors.T)
