"""Steady an edit over time: a frame's change agrees with its neighbours', along the source's flow.

Renders of neighbouring frames differ by more than the source does: an inversion's fine texture is
never quite the same twice. So the change that is shown is a recursive average along the source's
own flow (the short-term consistency of Lai et al. 2018, as a filter):

    d_t = (1 - a M) e_t + a M warp(d_{t-1}, F_{t -> t-1})

with e_t the frame's own change and M where the flow is to be trusted. No change stays no change.

An edit whose strength k varies would be held back by that, by a / (1 - a) frames. But what the
strength itself changes is known, both of the same code. So the average is taken as if the strength
had stayed, and then what was asked takes the place of that (``move``):

    d'_t = average with e_t(k_{t-1}),   d_t = e_t(k_t) + s (d'_t - e_t(k_{t-1}))

Noise is averaged and the asked course followed at once; s is below 1 while the edit gets weaker, as
its noise does, so that no strength is no change.

What follows the frame before lags behind it: a mouth that opens would be shown the edit of a shut
one. So a second average runs backwards, from some frames ahead (``SteadyAhead``):

    g_t = (1 - a M') d_t + a M' warp(g_{t+1}, F_{t -> t+1})

Forwards and backwards the delays cancel, and what is averaged lies about the frame on both sides.

A change takes the source's contours away where the edit puts something else, and its average takes
averaged ones away: a thin line stays where a jaw was. So the source is averaged along with it, as
if it were part of the change, and a contour that is to go goes as it was averaged (``settled``):

    d_t + m (S_t - I_t),   m = 1 - min(1, (E(S_t + d_t) + e) / (E(S_t) + e))

with S the source I averaged as d was, and E the local energy of fine texture.

Convention. Crops are (s, s, 3); what is averaged is (s, s, 6), the change and the source; flow is
(h, w, 2) in pixels of its own grid, x then y.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import cv2
import numpy as np

from stages.artifacts import F32, U8
from stages.detail import fine_energy
from stages.metrics.warp_error import Motion, both_ways, warp

FLOW_SIZE = 256
CONTOUR = 1 / 85
"""Sigma of the window in which contours are compared, as a share of the crop."""
FAINT = 10.0
"""e: squared grey levels of texture that may go or stay without leaving a line."""
Item = TypeVar("Item")


class SourceMotion:
    """Flow between a crop and the one of the frame before, estimated once for both averages."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[int, U8]] = {}

    def __call__(self, track: int, frame: int, source: F32) -> tuple[Motion, Motion] | None:
        """From this crop (s, s, 3) to the track's last and the other way, at ``FLOW_SIZE``.

        None where the frame before was not given.
        """
        grid = (FLOW_SIZE, FLOW_SIZE)
        crop = np.asarray(cv2.resize(source, grid, interpolation=cv2.INTER_AREA).round(), np.uint8)
        last = self._last.get(track)
        self._last[track] = (frame, crop)
        return both_ways(last[1], crop) if last is not None and last[0] == frame - 1 else None


class SteadyFlow:
    """Average the flow of an edit over time, where it is: crops are aligned, so an edit that makes
    a jaw narrower moves nearly the same places of neighbouring crops.
    """

    def __init__(self, share: float) -> None:
        """``share``: how much of the last frame's average is kept, in [0, 1)."""
        self._share = share
        self._previous: dict[int, tuple[int, F32, F32]] = {}

    def __call__(self, track: int, frame: int, flow: F32, trust: F32) -> tuple[F32, F32]:
        """The flow (h, w, 2) to carry detail along, and how far to trust it (h, w)."""
        before = self._previous.get(track)
        if before is not None and before[0] == frame - 1:
            flow = (1 - self._share) * flow + self._share * before[1]
            trust = (1 - self._share) * trust + self._share * before[2]
        self._previous[track] = (frame, flow, trust)
        return flow, trust

    def move(
        self, track: int, held: tuple[F32, F32], shown: tuple[F32, F32], share: float
    ) -> tuple[F32, F32]:
        """The average just returned, of ``held``, moved to ``shown`` with ``share`` of the rest."""
        frame, flow, trust = self._previous[track]
        flow = shown[0] + share * (flow - held[0])
        trust = np.clip(shown[1] + share * (trust - held[1]), 0, 1)
        self._previous[track] = (frame, flow, trust)
        return flow, trust


class SteadyChange:
    """The filter of one run; it keeps one frame of each track."""

    def __init__(self, share: float) -> None:
        """``share``: a, how much of the last frame's change is kept, in [0, 1)."""
        self._share = share
        self._shown: dict[int, F32] = {}

    def __call__(self, track: int, change: F32, back: Motion | None) -> F32:
        """The change to show, (s, s, c).

        Args:
            change: (s, s, c), the frame's own.
            back: from this frame to the one before; none where nothing is to be kept of that.
        """
        if back is not None and track in self._shown:
            change = _mixed(change, self._shown[track], back, self._share)
        self._shown[track] = change
        return change

    def move(self, track: int, held: F32, shown: F32, share: float) -> F32:
        """The change just returned, of ``held``, moved to ``shown`` with ``share`` of the rest."""
        moved = np.asarray(shown + share * (self._shown[track] - held), np.float32)
        self._shown[track] = moved
        return moved


@dataclass(frozen=True)
class _Waiting(Generic[Item]):
    """A frame that waits for those ahead: the change so far.

    ``forth``: to the next frame; none where the next one's change is not to be carried to this.
    """

    change: F32
    item: Item
    forth: Motion | None = None


class SteadyAhead(Generic[Item]):
    """The average from frames ahead. It keeps some frames of each track, and gives them out late.

    Where the strength varies the chain has to be cut, so that no frame is shown what a later one
    was asked for.
    """

    def __init__(self, share: float, frames: int) -> None:
        """``share``: a, how much is the next frame's, in [0, 1); ``frames``: how far ahead."""
        self._share = share
        self._frames = frames if share else 0
        self._waiting: dict[int, deque[_Waiting[Item]]] = {}

    def __call__(
        self, track: int, change: F32, item: Item, forth: Motion | None, *, last: bool
    ) -> list[tuple[Item, F32]]:
        """Take in a frame's change; call in order of frames.

        Args:
            change: (s, s, c), as ``SteadyChange`` gives it.
            item: what comes back along with the change that is to be shown.
            forth: from the frame before to this one; none cuts the chain between them.
            last: the track has no next frame.

        Returns:
            items whose change is final, in order, with it.
        """
        line = self._waiting.setdefault(track, deque())
        if line:
            line.append(replace(line.pop(), forth=forth))
        line.append(_Waiting(change, item))
        done = []
        while len(line) > self._frames or (last and line):
            done.append((line[0].item, self._from_ahead(line)))
            line.popleft()
        return done

    def _from_ahead(self, line: deque[_Waiting[Item]]) -> F32:
        """The change of the first of the line, with what comes from the others."""
        found = line[-1].change
        for here in reversed(list(line)[:-1]):
            found = (
                here.change
                if here.forth is None
                else _mixed(here.change, found, here.forth, self._share)
            )
        return found


def _mixed(own: F32, other: F32, along: Motion, share: float) -> F32:
    """A frame's change (s, s, c) with a share of a neighbour's, where the flow is to be trusted."""
    size = own.shape[0]
    flow = cv2.resize(along.flow, (size, size)) * np.float32(size / FLOW_SIZE)
    trusted = cv2.GaussianBlur(along.visible.astype(np.float32), (0, 0), 2.0)
    keep = share * cv2.resize(trusted, (size, size))[..., None]
    flow = np.asarray(flow, np.float32)
    # At most four channels at once, says OpenCV.
    mixed = np.concatenate(
        [warp(other[..., k : k + 3], flow) for k in range(0, other.shape[2], 3)], axis=2
    )
    mixed -= own
    mixed *= keep
    mixed += own
    return mixed


def settled(averaged: F32, source: U8) -> F32:
    """The change (s, s, 3) to show, of the averages (s, s, 6) of a change and of the source.

    Args:
        averaged: by ``SteadyChange`` and ``SteadyAhead``.
        source: (s, s, 3), the frame's own crop.
    """
    own = source.astype(np.float32)
    change, of_source = averaged[..., :3], averaged[..., 3:]
    before, after = (fine_energy(x, CONTOUR) for x in (of_source, of_source + change))
    gone = 1 - np.minimum(1, (after + FAINT) / (before + FAINT))
    return np.asarray(change + gone[..., None] * (of_source - own), np.float32)
