"""How an edit is shown: the edited render, plus the source's own detail moved along with the edit.

An inversion loses moles, stubble, hair strands and half an expression. Pasting G(w_edit) loses
them in the film; adding G(w_edit) - G(w) leaves halos where outlines move. Instead the residual of
the inversion is carried along the flow from the edited render to the inverted one:

    output = G(w_edit) + M * warp(source - G(w), F)

With G(w_edit) = G(w) the flow is zero, M is one, and the output is the source.

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
    size = source.shape[0]
    if not flow.any():
        moved = source - inverted
    else:
        grown = cv2.resize(flow, (size, size), interpolation=cv2.INTER_LINEAR)
        moved = warp(source - inverted, np.asarray(grown * (size / FLOW_SIZE), np.float32))
    if trust.min() < 1:
        grown = cv2.resize(trust, (size, size), interpolation=cv2.INTER_LINEAR)
        moved = moved * grown[..., None]
    return np.asarray(edited + moved, np.float32)


def _smooth(field: F32) -> F32:
    return np.asarray(cv2.GaussianBlur(field, (0, 0), SMOOTHING), np.float32)
