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

With G(w_edit) = G(w) the flow is zero, M and g are one, and the output is the source.

Convention. Pictures are (s, s, 3) float32 RGB in [0, 255]; flow (s, s, 2) in pixels, x then y:
pixel p of the edited render shows what is at p + F(p) in the inverted one.
"""

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
    a = cv2.resize(edited, size, interpolation=cv2.INTER_AREA)
    b = cv2.resize(inverted, size, interpolation=cv2.INTER_AREA)
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
    moved, was = source - inverted, _texture(inverted)
    if flow.any():
        wide = cv2.resize(flow, (size, size), interpolation=cv2.INTER_LINEAR)
        along = np.asarray(wide * (size / FLOW_SIZE), np.float32)
        moved, was = warp(moved, along), warp(was, along)
    kept = (_texture(edited) + FLOOR) / (was + FLOOR)
    moved = moved - np.maximum(1 - kept, 0)[..., None] * _fine(moved)
    if trust.min() < 1:
        grown = cv2.resize(trust, (size, size), interpolation=cv2.INTER_LINEAR)
        moved = moved * grown[..., None]
    return np.asarray(edited + moved, np.float32)


def _fine(picture: F32) -> F32:
    """What a Gaussian of ``FINE`` takes away, same shape."""
    coarse = cv2.GaussianBlur(picture, (0, 0), FINE * len(picture))
    return np.asarray(picture - coarse, np.float32)


def _texture(picture: F32) -> F32:
    """(s, s) local energy of the luminance's fine part, in squared grey levels."""
    grey = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.float32)
    squared = np.square(_fine(grey))
    return np.asarray(cv2.GaussianBlur(squared, (0, 0), AROUND * len(picture)), np.float32)


def _smooth(field: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), SMOOTHING), np.float32)
