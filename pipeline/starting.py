"""Actors that were asked for and do not come: when to ask again, and when there is no hope.

Knows no ray. Of an actor that is not placed, Ray says nothing: others may hold what it needs, or a
node that has as much may still be on its way.
"""

import time
from collections.abc import Callable, Mapping, Sequence

from pipeline.remote import Shape

ATTEMPTS = 3
APART = 5.0
"""Seconds. Actors that end closer together count as one: a node that dies takes many with it."""


class Starting:
    """What became of the actors that were asked for.

    Args:
        start_timeout: seconds that an actor may take where nothing else holds what it needs.
        join_timeout: seconds within which a node that could hold it has to join.
        own: whether the cluster is ours, so that nobody else holds any of it.
        clock: seconds.
    """

    def __init__(
        self,
        start_timeout: float,
        join_timeout: float,
        *,
        own: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start_timeout = start_timeout
        self._join_timeout = join_timeout
        self._own = own
        self._clock = clock
        self._ended: dict[Shape, list[float]] = {}
        self._told: dict[Shape, float] = {}

    def came(self, shape: Shape) -> None:
        """An actor has answered."""
        self._ended.pop(shape, None)

    def ended(self, shape: Shape, why: str) -> str | None:
        """An actor ended before it answered. Why there is no hope for its shape, or None."""
        now, before = self._clock(), self._ended.setdefault(shape, [])
        if not before or now - before[-1] > APART:
            before.append(now)
        last = why.strip().splitlines()[-1] if why.strip() else "no reason given"
        return None if len(before) < ATTEMPTS else f"{ATTEMPTS} attempts, the last: {last}"

    def late(
        self, shape: Shape, since: float, nodes: Sequence[Mapping[str, float]], *, alone: bool
    ) -> str | None:
        """Why there is no hope for a shape of which no actor has come since then, or None.

        Args:
            since: by the clock.
            nodes: what each node has.
            alone: whether we have no actors of other shapes.
        """
        waited = self._clock() - since
        if sum(shape.times(node) for node in nodes) < shape.workers:
            return (
                f"no node has that much, and none has joined within {self._join_timeout:g} s"
                if waited > self._join_timeout
                else None
            )
        hope = not (self._own and alone) or waited <= self._start_timeout
        return None if hope else f"no answer within {self._start_timeout:g} s"

    def news(self, shape: Shape, since: float) -> str | None:
        """What to tell of a shape that has been waiting since then; None when it was just told."""
        now = self._clock()
        if now - max(since, self._told.get(shape, since)) <= self._start_timeout:
            return None
        self._told[shape] = now
        return f"no worker with {shape} has come for {now - since:.0f} s; it is waited for"
