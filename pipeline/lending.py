"""Actors that do smaller works beside their own, where those find no room for one of theirs."""

import time
from collections.abc import Mapping, Sequence

from pipeline.pool import Queue
from pipeline.remote import Member, Shape

START = 3.0
"""Seconds that an actor takes to come and to import what it works with."""


class Lending:
    """Who does works of a smaller shape, and for how long they have.

    Args:
        queues: the work of each shape, as it is at any time.
        members: the actors, likewise.
        own: whether nobody else uses the cluster, so that all who were asked for come soon.
    """

    def __init__(
        self, queues: Mapping[Shape, Queue], members: Sequence[Member], *, own: bool
    ) -> None:
        self._queues, self._members, self._own = queues, members, own
        self._lent: dict[Shape, float] = {}

    def begin(self, shape: Shape) -> None:
        """A queue has works again."""
        self._lent[shape] = 0.0

    def done(self, member: Member) -> None:
        """A work is done."""
        if member.queue != member.shape:
            self._lent[member.queue] += time.monotonic() - member.began

    def lenders(self, shape: Shape, total: Mapping[str, float]) -> list[Member]:
        """Those that hold more than the works of a shape need, idle or not, while they are lent.

        Starting an actor takes seconds, and those that make room lose what they have loaded. So
        where no more fit, those whose own works are all begun are lent for as many seconds and the
        work that goes on then; longer where there is one for each work that waits.
        """
        used = [m.shape for m in self._members]
        if shape in used or shape.fits(total, used):
            return []
        larger = [m for m in self._members if m.shape.covers(shape) and (m.ready or self._own)]
        larger = [m for m in larger if not self._queues.get(m.shape)]
        now, lent = time.monotonic(), self._lent[shape]
        lent += sum(now - m.began for m in larger if m.ticket and m.queue == shape)
        return larger if lent < START or len(self._queues[shape]) <= len(larger) else []
