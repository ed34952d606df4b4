"""A pool on a simulated clock: what a cluster would take, without one and without the work.

The scheduler, the plan and the keys are the real ones; only a work's doing is replaced by the
seconds that it was measured to take. The driver is one queue: it needs ``dispatch`` seconds for
each work that it hands out or takes back, and while it is busy, workers wait.
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.failure import Failure
from pipeline.pool import Outcome, Queue, Ticket
from pipeline.remote import Shape
from pipeline.stage import Stage
from pipeline.watch import Watch, WorkStarted
from pipeline.work import Work, element_key
from pipeline.worker import Done

Cost = Callable[[Work], tuple[float, int]]
"""Seconds that a work takes, and how many elements it gives (1 unless it is many)."""


@dataclass
class Machine:
    """A node of the cluster and what is free on it. ``memory`` in bytes."""

    cpus: float
    gpus: float = 0.0
    memory: float = 0.0

    def takes(self, shape: Shape) -> bool:
        """Whether a work of this shape fits beside those it has."""
        return self.cpus >= shape.cpus and self.gpus >= shape.gpus and self.memory >= shape.memory

    def occupy(self, shape: Shape, sign: int = -1) -> None:
        """Begin a work (-1) or end it (+1)."""
        self.cpus += sign * shape.cpus
        self.gpus += sign * shape.gpus
        self.memory += sign * shape.memory


@dataclass
class Spent:
    """What a simulated run came to. ``cpu`` and ``gpu``: resource seconds that works held."""

    clock: float = 0.0
    driver: float = 0.0
    cpu: float = 0.0
    gpu: float = 0.0
    works: int = 0


@dataclass(order=True)
class _Running:
    until: float
    order: int
    ticket: Ticket = field(compare=False)
    shape: Shape = field(compare=False)
    machine: Machine = field(compare=False)
    elements: int = field(compare=False)
    seconds: float = field(compare=False)


class SimulatedPool:
    """Machines that do works in no time of ours.

    Args:
        machines: they are used up and given back.
        cost: of each work.
        dispatch: seconds of the driver for each work.
        gpu: whether stages that ask for a GPU get one, as in ``RayPool``.
    """

    def __init__(
        self, machines: Sequence[Machine], cost: Cost, *, dispatch: float = 0.0, gpu: bool = True
    ) -> None:
        self.spent = Spent()
        self._machines = list(machines)
        self._cost = cost
        self._dispatch = dispatch
        self._gpu = gpu
        self._largest = {
            "CPU": max(m.cpus for m in machines),
            "GPU": max(m.gpus for m in machines),
            "memory": max(m.memory for m in machines),
        }
        self._queues: dict[Shape, Queue] = {}
        self._blocked: set[Shape] = set()
        self._freed: list[Machine] = []
        self._running: list[_Running] = []
        self._order = itertools.count()

    def expect(self, stages: Iterable[Stage]) -> None:
        """Starting a worker takes no time here."""

    def submit(self, work: Work, depth: int) -> None:
        """Take a work."""
        shape = Shape.of(work.stage.resources, self._largest, gpu=self._gpu)
        self._queues.setdefault(shape, Queue()).put(work, depth)

    def next(self, watch: Watch) -> Outcome:
        """Move the clock to the end of the work that ends first."""
        self._assign(watch)
        if not self._running:
            return self._hopeless()
        ended = heapq.heappop(self._running)
        self.spent.clock = max(self.spent.clock, ended.until) + self._dispatch
        self.spent.driver += self._dispatch
        ended.machine.occupy(ended.shape, +1)
        self._freed = [ended.machine]
        work = ended.ticket.work
        keys: tuple[str, ...] = (work.key,)
        if work.many:
            keys = tuple(element_key(work.key, n) for n in range(ended.elements))
        return Outcome(work, Done(keys, ended.seconds, 0, reused=False))

    def close(self) -> None:
        """Nothing is held."""

    def _assign(self, watch: Watch) -> None:
        """Begin what fits: deepest first within a shape, GPU shapes before others."""
        for shape in sorted(self._queues, key=lambda s: (-s.gpus, -s.cpus)):
            queue = self._queues[shape]
            # What fitted nowhere before fits now where something has ended, if anywhere.
            rooms = self._freed if shape in self._blocked else self._machines
            for machine in rooms:
                while queue and machine.takes(shape):
                    self._begin(queue.pop(), shape, machine, watch)
                if not queue:
                    break
            (self._blocked.add if queue else self._blocked.discard)(shape)

    def _begin(self, ticket: Ticket, shape: Shape, machine: Machine, watch: Watch) -> None:
        seconds, elements = self._cost(ticket.work)
        machine.occupy(shape)
        spent = self.spent
        spent.works += 1
        spent.cpu += shape.cpus * seconds
        spent.gpu += shape.gpus * seconds
        until = spent.clock + seconds
        order = next(self._order)
        running = _Running(until, order, ticket, shape, machine, elements, seconds)
        heapq.heappush(self._running, running)
        watch(WorkStarted(ticket.work.node, ticket.work.index, key=ticket.work.key))

    def _hopeless(self) -> Outcome:
        shape, queue = next((s, q) for s, q in self._queues.items() if q)
        work = queue.pop().work
        text = f"no machine has room for {shape}"
        return Outcome(work, Failure(work.node, work.index, "lost", text))
