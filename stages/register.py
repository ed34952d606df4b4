"""Registration: renders are brought to where the source has its features.

An inversion puts a mouth a few pixels from where it is, and smoothed codes are late where a face
moves. An edit of that mouth, pasted over the source's own, shows two. So the flow R from the source
to the inverted render is estimated, smoothed, and both renders are warped by it:

    inverted'(p) = inverted(p + R(p))
    edited'(p)   = edited(p + R'(p)),   R'(p) = R(p + F(p)),   F'(p) = F(p + R'(p))

with F the flow from the edited render to the inverted one, so that R' is R where the edit has
brought that point. With the same render twice F is zero, and both are warped alike: the output is
still the source (``stages.detail``).

Convention. As in ``stages.detail``: crops are (s, s, 3) float32 RGB in [0, 255], flow (h, w, 2) in
pixels of its own grid, x then y.
"""

from typing import NamedTuple

import cv2
import numpy as np

from stages.artifacts import F32, U8
from stages.metrics.warp_error import dis, warp

SIZE = 256
SMOOTHING = 4.0
"""Sigma at ``SIZE`` of the smoothing: features are moved, not pixels."""
LONGEST = 16.0
"""Pixels at ``SIZE``; an inversion that is further off shows another face."""
TOLERANCE = 2.0
"""Pixels at ``SIZE`` by which there and back may disagree before the flow counts for little."""
AROUND = 16.0
"""Sigma at ``SIZE`` of the window in which contrast is made equal: colours need not agree."""
FAINT = 9.0
"""Squared grey levels of contrast that are left faint."""


class Registration(NamedTuple):
    """``weighted``: (SIZE, SIZE, 2), the flow times its trust. ``trust``: (SIZE, SIZE), in [0, 1].

    Both may be averaged over time, place by place.
    """

    weighted: F32
    trust: F32

    def flow(self) -> F32:
        """(SIZE, SIZE, 2): from the source to the inverted render, none where nothing is known."""
        weighted = cv2.GaussianBlur(self.weighted, (0, 0), SMOOTHING)
        trust = cv2.GaussianBlur(self.trust, (0, 0), SMOOTHING)[..., None]
        flow = weighted / np.maximum(trust, 1e-3) * np.minimum(1, 2 * trust)
        length = np.linalg.norm(flow, axis=2, keepdims=True)
        return np.asarray(flow * np.minimum(1, LONGEST / np.maximum(length, 1e-6)), np.float32)


class Registered(NamedTuple):
    """What ``stages.detail.with_moved_detail`` takes besides the source."""

    inverted: F32
    edited: F32
    flow: F32
    trust: F32


def registration(source: F32, inverted: F32) -> Registration:
    """Estimate where the features of a crop are in its inversion."""
    a, b = _even(source), _even(inverted)
    there, back = dis(a, b), dis(b, a)
    gap = np.linalg.norm(there + warp(back, there), axis=2)
    trust = np.exp(-np.square(gap / TOLERANCE)).astype(np.float32)
    return Registration(there * trust[..., None], trust)


def register(inverted: F32, edited: F32, flow: F32, trust: F32, along: F32) -> Registered:
    """Both renders (s, s, 3) warped by the registration ``along`` (SIZE, SIZE, 2).

    Args:
        flow, trust: from the edited render to the inverted one, at ``SIZE``.
    """
    if not along.any():
        return Registered(inverted, edited, flow, trust)
    moved = warp(along, flow)
    return Registered(
        _warped(inverted, along),
        _warped(edited, moved),
        warp(flow, moved),
        warp(trust, moved),
    )


def _warped(render: F32, flow: F32) -> F32:
    side = len(render)
    wide = cv2.resize(flow, (side, side), interpolation=cv2.INTER_LINEAR)
    return warp(render, np.asarray(wide * (side / SIZE), np.float32))


def _even(crop: F32) -> U8:
    """(SIZE, SIZE) grey, with the same local brightness and contrast everywhere."""
    small = cv2.resize(crop, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(np.clip(small, 0, 255), cv2.COLOR_RGB2GRAY)
    left = grey - cv2.GaussianBlur(grey, (0, 0), AROUND)
    contrast = np.sqrt(cv2.GaussianBlur(np.square(left), (0, 0), AROUND) + FAINT)
    return np.asarray(np.clip(128 + 50 * left / contrast, 0, 255), np.uint8)
