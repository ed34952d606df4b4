"""How an edit is shown: the edited render, plus the source's own detail moved along with the edit.

An inversion loses moles, stubble, hair strands and half an expression. Pasting G(w_edit) loses
them in the film; adding G(w_edit) - G(w) leaves halos where outlines move. Instead the residual of
the inversion is carried along the flow from the edited render to the inverted one:

    output = G(w_edit) + M * warp(source - G(w), F)

Detail may contradict the edit: the source's own wrinkles on a face made young. So the fine part of
what is carried is damped where the edit took fine texture away, by how much it took:

    warp(R, F) -> warp(R, F) - (1 - g) * fine(warp(R, F)),   R = source - G(w)
    g = min(1, energy of fine(G(w_edit)) / energy of fine(warp(G(w), F)))

with fine(x) what a Gaussian takes away, and its energy local. Where an edit adds texture nothing is
damped.

That sees only what the inversion has. Of a fold, of a shadow on a lip it has less than the source,
so the edit takes less away than there is, and the rest would be carried: a boy with a man's mouth.
So what the edit takes away of the source's own, band by band, counts for several times as much:

    band(R) -> max(0, 1 - k a) band(R),   a = max(0, -<band(E), band(S)>) / (<band(S), band(S)> + f)

with E what the edit changes, S the source where the edit puts it, and <x, y> a local mean. What an
edit adds, and what it leaves alone, has a = 0: wrinkles appear, and a mouth still speaks.

And an inversion may show what the source does not: an open mouth where it is shut, an iris beside
the iris. What the edit does to such a feature has no place in the source. So before all that both
renders lose their features as far as the source has not those of the inversion:

    G(w) -> G(w) - (1 - c) features(G(w)),   and so G(w_edit), with (1 - c) carried along F
    c = (E r^2 + e) / (E + e)

with features(x) what a wider Gaussian takes away, E the local energy of G(w)'s, and r their local
correlation with the source's, negative r none. Where the inversion is smooth c is one, and wrinkles
appear; where c is none, the edit still changes colour and shape.

With G(w_edit) = G(w) the flow is zero, M and g are one, and the output is the source.

Convention. Pictures are (s, s, 3) float32 RGB in [0, 255]; flow (s, s, 2) in pixels, x then y:
pixel p of the edited render shows what is at p + F(p) in the inverted one.
"""

from itertools import pairwise

import cv2
import numpy as np

from stages.artifacts import F32, U8
from stages.metrics.warp_error import dis_flow, warp

FLOW_SIZE = 256
SMOOTHING = 2.5
"""Sigma of the flow's smoothing at ``FLOW_SIZE``: an edit moves regions, not pixels."""
LONGEST = 24.0
"""Flow is limited to this many pixels at ``FLOW_SIZE``; more is an error of the estimate."""
TOLERANCE = 2.0
"""Pixels at ``FLOW_SIZE`` by which forward and backward flow may disagree before detail fades."""
FINE = 1 / 64
"""Sigma of the Gaussian that parts fine from coarse, as a share of the crop: wrinkles are fine."""
AROUND = 1 / 32
"""Sigma of the window in which texture is measured, as a share of the crop."""
FLOOR = 0.25
"""Texture energy, in squared grey levels, below which renders count as equally smooth."""
BANDS = (1 / 90, 1 / 45, 1 / 22)
"""Sigmas of the Gaussians that part the bands, as shares of the crop: folds, and shadows of
features. Finer is skin and hair, coarser is light."""
BAND_SIZE = 128
"""Side at which they are parted: none is finer than its pixels."""
COUNTED = 7.0
"""k: how much more than in sight is taken to go. More lowers the age that is seen, and likeness."""
WEAK = 2.0
"""f: squared grey levels of a band of the source below which nothing can be taken away."""
FEATURES = 1 / 32
"""Sigma of the Gaussian that parts features from shading, as a share of the crop, and of the window
in which they are compared."""
FAINT = 100.0
"""e: squared grey levels of features that an inversion may have and the source not."""


def edit_flow(edited: U8, inverted: U8) -> tuple[F32, F32]:
    """Flow from the edited to the inverted render, and how far it is to be trusted.

    Args:
        edited, inverted: (s, s, 3) uint8 renders.

    Returns:
        flow (FLOW_SIZE, FLOW_SIZE, 2) in its own pixels, and trust (FLOW_SIZE, FLOW_SIZE) in
        [0, 1]: ``exp(-(gap / TOLERANCE)^2)`` of the forward-backward gap.
    """
    if np.array_equal(edited, inverted):
        return np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32), np.ones(
            (FLOW_SIZE, FLOW_SIZE), np.float32
        )
    size = (FLOW_SIZE, FLOW_SIZE)
    a, b = (cv2.resize(x, size, interpolation=cv2.INTER_AREA) for x in (edited, inverted))
    there = _smooth(dis_flow(np.asarray(a, np.uint8), np.asarray(b, np.uint8)))
    back = _smooth(dis_flow(np.asarray(b, np.uint8), np.asarray(a, np.uint8)))
    length = np.linalg.norm(there, axis=2, keepdims=True)
    there = there * np.minimum(1, LONGEST / np.maximum(length, 1e-6))
    gap = np.linalg.norm(there + warp(back, there), axis=2)
    trust = np.exp(-np.square(gap / TOLERANCE))
    return there.astype(np.float32), _smooth(trust.astype(np.float32))


def with_moved_detail(source: F32, inverted: F32, edited: F32, flow: F32, trust: F32) -> F32:
    """(s, s, 3): the edited render with the source's detail, as in the module's formula."""
    if np.array_equal(edited, inverted):
        return np.asarray(edited + (source - inverted), np.float32)
    size = source.shape[0]
    shared, was, moved = _shared(source, inverted), inverted, source
    if flow.any():
        along = np.asarray(_grown(flow, size) * (size / FLOW_SIZE), np.float32)
        shared, was, moved = warp(shared, flow), warp(inverted, along), warp(source, along)
    absent = _grown(np.asarray(trust * (1 - shared), np.float32), size)[..., None]
    was = was - absent * _features(was)
    shown = edited - absent * _features(edited)
    taken = _taken(shown - was, moved, moved - was)
    moved = moved - was
    kept = (fine_energy(shown, AROUND) + FLOOR) / (fine_energy(was, AROUND) + FLOOR)
    moved -= np.maximum(1 - kept, 0)[..., None] * _fine(moved)
    moved -= taken
    if trust.min() < 1:
        moved *= _grown(trust, size)[..., None]
    return np.asarray(shown + moved, np.float32)


def _shared(source: F32, inverted: F32) -> F32:
    """(FLOW_SIZE, FLOW_SIZE) in [0, 1]: c, how far the source has the features of the inversion."""
    a, b = (_features(_grey(_shrunk(x))) for x in (source, inverted))
    sigma = FEATURES * FLOW_SIZE
    of_source, own, both = (cv2.GaussianBlur(x, (0, 0), sigma) for x in (a * a, b * b, a * b))
    explained = np.square(np.maximum(both, 0)) / np.maximum(of_source, 1e-6)
    return np.asarray((explained + FAINT) / (own + FAINT), np.float32)


def _taken(change: F32, source: F32, carried: F32) -> F32:
    """What is not carried, since the edit takes away what it belongs to; all are (s, s, 3)."""
    all_of_them = [_bands(_shrunk(x, BAND_SIZE)) for x in (change, source, carried)]
    gone = np.zeros((BAND_SIZE, BAND_SIZE, 3), np.float32)
    for changed, own, of_carried, sigma in zip(*all_of_them, BANDS[1:], strict=True):
        of_change, of_source = _grey(changed), _grey(own)
        around = 3 * sigma * BAND_SIZE
        both = cv2.GaussianBlur(of_change * of_source, (0, 0), around)
        energy = cv2.GaussianBlur(np.square(of_source), (0, 0), around)
        share = np.minimum(1, COUNTED * np.maximum(0, -both) / (energy + WEAK))
        gone += share[..., None] * of_carried
    return _grown(gone, len(carried))


def _bands(picture: F32) -> list[F32]:
    """Differences of Gaussians of a shrunk picture, between each two of ``BANDS``."""
    blurred = [cv2.GaussianBlur(picture, (0, 0), sigma * len(picture)) for sigma in BANDS]
    return [np.asarray(a - b, np.float32) for a, b in pairwise(blurred)]


def _features(picture: F32) -> F32:
    """What a Gaussian of ``FEATURES`` takes away, same shape."""
    coarse = cv2.GaussianBlur(_shrunk(picture), (0, 0), FEATURES * FLOW_SIZE)
    return np.asarray(picture - _grown(np.asarray(coarse, np.float32), len(picture)), np.float32)


def _grey(picture: F32) -> F32:
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)


def _shrunk(picture: F32, side: int = FLOW_SIZE) -> F32:
    grid = (side, side)
    return np.asarray(cv2.resize(picture, grid, interpolation=cv2.INTER_AREA), np.float32)


def _grown(field: F32, size: int) -> F32:
    grid = (size, size)
    return np.asarray(cv2.resize(field, grid, interpolation=cv2.INTER_LINEAR), np.float32)


def _fine(picture: F32) -> F32:
    """What a Gaussian of ``FINE`` takes away, same shape."""
    coarse = cv2.GaussianBlur(picture, (0, 0), FINE * len(picture))
    return np.asarray(picture - coarse, np.float32)


def fine_energy(picture: F32, around: float) -> F32:
    """(s, s) local energy of the luminance's fine part, in squared grey levels.

    Args:
        picture: (s, s, 3).
        around: sigma of the window in which it is measured, as a share of the side.
    """
    squared = np.square(_fine(_grey(picture)))
    return np.asarray(cv2.GaussianBlur(squared, (0, 0), around * len(picture)), np.float32)


def _smooth(field: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), SMOOTHING), np.float32)
