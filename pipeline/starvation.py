"""Who waits on a cluster, so that work which gets nothing gets its share.

Actors hold what they were given while they live. So that small work, of which there is always
more, does not keep a GPU waiting for a CPU, shapes that come after a starved one get no work and no
actors for a while: those they have fall idle, and make room.
"""

import time
from collections.abc import Mapping, Sequence

from pipeline.pool import Queue
from pipeline.remote import Shape

PATIENCE = 60.0
"""Seconds for which other shapes get no work for the sake of a starved one."""
RENEWED = 600.0
"""Seconds until they are asked again, when that brought nothing."""


class Starvation:
    """The shapes that could not be given what they need, and since when.

    Args:
        queues: the work of each shape, as it is at any time.
    """

    def __init__(self, queues: Mapping[Shape, Queue]) -> None:
        self._queues = queues
        self._since: dict[Shape, float] = {}

    def yields(self, shape: Shape) -> bool:
        """Whether works of this shape wait for a starved one: first GPUs, then what is deepest."""

        def rank(shape: Shape) -> tuple[bool, int]:
            return shape.gpus > 0, -self._queues[shape].first().priority

        late = time.monotonic() - PATIENCE
        before = [other for other, since in self._since.items() if since > late]
        return bool(self._queues[shape]) and any(
            rank(other) > rank(shape) for other in before if self._queues[other] and other != shape
        )

    def note(
        self,
        shape: Shape,
        ready: Sequence[Shape],
        nodes: Sequence[Mapping[str, float]],
        *,
        stuck: bool,
    ) -> None:
        """Look at a shape. All GPUs are to be used; without one it is enough that some actor lives.

        Args:
            ready: the shapes of all actors that work or could.
            nodes: what each node has.
            stuck: whether an actor of this shape was wanted and did not come.
        """
        here = ready.count(shape)
        room = 1
        if shape.gpus:
            free = sum(n.get("GPU", 0) for n in nodes) - sum(s.gpus * s.workers for s in ready)
            could = sum(shape.times(node) for node in nodes) // shape.workers
            room = min(could, here + int(free // (shape.gpus * shape.workers)))
        now = time.monotonic()
        if here >= room:
            self._since.pop(shape, None)
        elif stuck and self._queues[shape] and now - self._since.get(shape, -RENEWED) >= RENEWED:
            self._since[shape] = now

    def fed(self, shape: Shape) -> None:
        """An actor of this shape came. If more are wanted, others have had a share meanwhile."""
        self._since.pop(shape, None)
