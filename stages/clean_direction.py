"""A direction that changes one label by much and all others by little.

InterFaceGAN's conditional manipulation makes a direction orthogonal to those of other labels. With
labels that go together (a smile widens the mouth and narrows the eyes) little is then left of it: a
standard deviation along it hardly shows. Here the other labels are bounded instead of forbidden.

An edit by k sigmas adds ``u = k sigma(d) d`` to the code, where sigma(d) is the spread of faces
along the unit vector d, and linear models say what u does to every label. Over the span of what is
known of all labels (their normals for several penalties, and the pattern of codes that goes with
each while the others stay, Haufe et al. 2014) that d is sought for which the wanted label reaches
its target, every other stays within a tolerance, and the way is short.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from stages.artifacts import F64
from stages.fit_direction import ridge

PENALTIES = (0.3, 1.0, 5.0)
"""Of the normals whose span is searched, in mean variances of W; the first one's predict."""


@dataclass(frozen=True)
class Bounds:
    """What an edit by ``strength`` sigmas should do, in sigmas of the labels."""

    strength: float = 2.0
    target: float = 2.6
    tolerance: float = 0.3
    short: float = 0.4
    """Price of a way's squared sigma, so that the shorter of two is taken."""


def patterns(w: F64, labels: F64) -> F64:
    """(d, m) how codes differ by a sigma of each label while the others stay the same."""
    z = (labels - labels.mean(axis=0)) / labels.std(axis=0)
    return np.asarray(np.linalg.lstsq(z, w - w.mean(axis=0), rcond=None)[0].T, np.float64)


def clean_direction(w: F64, labels: F64, wanted: int, codes: F64, bounds: Bounds) -> F64:
    """(d,) unit vector, towards more of the label.

    Args:
        w: (n, d) codes. labels: (n, m) what was seen of them.
        wanted: column of the label.
        codes: (k, d) samples whose spread along a direction is its sigma.
        bounds: what is asked for.
    """
    normals = [np.stack([ridge(w, y, p) for y in labels.T], axis=1) for p in PENALTIES]
    basis = np.concatenate([*normals, patterns(w, labels)], axis=1)
    basis /= np.linalg.norm(basis, axis=0)
    # All that is needed lives in the span: how labels, spread and length depend on weights.
    effect = normals[0].T @ basis
    spread = basis.T @ np.cov(codes.T) @ basis
    length = basis.T @ basis
    others = np.arange(labels.shape[1]) != wanted

    def loss(weights: F64) -> tuple[float, F64]:
        s, n = weights @ spread @ weights, weights @ length @ weights
        seen = effect @ weights
        # change = strength * sigma(d) * (effect of d) with d = basis @ weights / sqrt(n)
        scale = bounds.strength * np.sqrt(s) / n
        change = scale * seen
        short_of = max(bounds.target - change[wanted], 0.0)
        beyond = np.where(others, np.maximum(np.abs(change) - bounds.tolerance, 0), 0)
        value = short_of**2 + 2 * (beyond**2).sum() + bounds.short * s / n
        by_change = 4 * beyond * np.sign(change)
        by_change[wanted] = -2 * short_of
        d_scale = scale * (spread @ weights / s - 2 * length @ weights / n)
        gradient = scale * (effect.T @ by_change) + (by_change @ seen) * d_scale
        gradient += 2 * bounds.short * (spread @ weights / n - s * (length @ weights) / n**2)
        return float(value), np.asarray(gradient, np.float64)

    start = np.zeros(basis.shape[1])
    start[labels.shape[1] + wanted] = 1
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 2000})
    vector = basis @ found.x
    return np.asarray(vector / np.linalg.norm(vector), np.float64)
