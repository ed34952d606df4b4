"""Work done by Ray actors, on this machine or on a cluster. Only here and in ``ray_*`` is ray.

Ray loses workers; the retrying is ours. Actors have ``max_restarts=0``: the driver replaces a dead
one and queues its work again, at the front, for three attempts in all. Only an actor that has
answered a ping gets work, so that one which can never be placed (Ray counts the CPUs of a dead
node for a while) holds nothing. Doing a work twice is harmless: results are published by key.
"""

import contextlib
import os
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.failure import Failure, MissingDependency, OutOfResources
from pipeline.lending import Lending
from pipeline.pool import Outcome, Queue, Ticket
from pipeline.remote import KINDS, Board, Member, Shape, environment
from pipeline.stage import Stage
from pipeline.starting import Starting
from pipeline.starvation import Starvation
from pipeline.store import Store
from pipeline.watch import Waiting, Watch, WorkLost, WorkProgress, WorkStarted
from pipeline.work import Work

# Before ray is imported, which reads them.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # we hide GPUs ourselves

try:
    import ray
    from ray import exceptions

    from pipeline.ray_actor import ask
    from pipeline.ray_connection import connect, largest, nodes
except ModuleNotFoundError as error:
    raise MissingDependency(
        "--on ray needs the package ray: pip install 'consecutive-face-edit[ray]'"
    ) from error

ATTEMPTS = 3
TICK = 0.5  # seconds between looks at progress and at actors that do not start
LINGER = 20.0  # seconds that an idle actor with a GPU is kept although others want its CPUs
IDLE = 60.0  # seconds that an idle actor is kept on a cluster that others may use, too
PATIENCE = 7200.0  # seconds that a work may go on without telling of progress


class RayPool:
    """Actors per resource shape, as many as fit and have work.

    Args:
        store: on storage that all nodes see.
        address: of a running cluster. None: ``RAY_ADDRESS`` if it is set, as in a Ray job, and
            otherwise a cluster of our own on this machine, on the loopback interface.
        num_cpus: CPUs of our own cluster; None for all of the machine.
        num_gpus: GPUs of our own cluster; None for all of the machine.
        device: "cuda" to give GPUs to stages that ask for them, "cpu" to ask for none.
        threads: what a stage is told to use; 0 for the CPUs it asked for.
        start_timeout: seconds an actor may take to come where nothing else holds what it needs.
        join_timeout: seconds within which a node that is large enough has to join the cluster.
        patience: seconds after which a work that tells of no progress counts as lost.
    """

    def __init__(
        self,
        store: Store,
        *,
        address: str | None = None,
        num_cpus: int | None = None,
        num_gpus: int | None = None,
        device: str = "cpu",
        threads: int = 0,
        start_timeout: float = 120.0,
        join_timeout: float = 900.0,
        patience: float = PATIENCE,
    ) -> None:
        self._root, self._url = str(store.root), store.url
        self._device = device
        self._threads = threads
        self._patience = patience
        self._queues: dict[Shape, Queue] = {}
        self._coming: set[Shape] = set()
        self._members: list[Member] = []
        self._starvation = Starvation(self._queues)
        self._finished: deque[Outcome] = deque()
        self._own = connect(address, num_cpus, num_gpus)
        self._lending = Lending(self._queues, self._members, own=self._own)
        self._starting = Starting(start_timeout, join_timeout, own=self._own)
        self._nodes, self._counted = nodes(), 0.0
        self._largest = largest(self._nodes)
        self._board: Any = ray.remote(Board).options(num_cpus=0).remote()
        self._noted: Any = None
        self._looked = 0.0

    def expect(self, stages: Iterable[Stage]) -> None:
        """See ``Pool``. On a small machine of our own, the first actor is one that does for all, if
        it comes for one work."""
        self._coming.update(map(self._shape, stages))

    def submit(self, work: Work, depth: int) -> None:
        """Take a work."""
        shape = self._shape(work.stage)
        queue = self._queues.setdefault(shape, Queue())
        if not queue:
            self._lending.begin(shape)
        queue.put(work, depth)
        # None will ever join our own cluster.
        if self._own and shape.times(self._largest) < shape.workers:
            kind = "GPU" if shape.gpus else "CPU"
            self._give_up(shape, f"this machine has {self._largest[kind]:g} {kind}")

    def _shape(self, stage: Stage) -> Shape:
        gpu, workers = self._device == "cuda", stage.workers_wanted
        return Shape.of(stage.resources, self._largest, gpu=gpu, workers=workers)

    def next(self, watch: Watch) -> Outcome:
        """Wait until one of the works is done."""
        while not self._finished:
            self._assign(watch)
            self._grow()
            self._listen(watch)
            self._hear(watch)
        return self._finished.popleft()

    def _assign(self, watch: Watch) -> None:
        """Give the first works of each queue to idle actors, best one that loaded the stage."""
        total = self._total()
        for shape, queue in self._queues.items():
            if self._starvation.yields(shape):
                continue
            idle = [m for m in self._members if m.idle and m.shape == shape]
            idle = idle or [m for m in self._lending.lenders(shape, total) if m.idle]
            threads = self._threads or max(1, int(shape.cpus))
            while queue and idle:
                ticket = queue.pop()
                stage = ticket.work.stage
                member = next((m for m in idle if m.last == stage), idle[0])
                idle.remove(member)
                member.ticket, member.last, member.queue = ticket, stage, shape
                member.began = member.heard = time.monotonic()
                named = member.handle.do.options(name=ticket.work.label)
                member.waiting = named.remote(ticket.work, threads)
                work = ticket.work
                watch(WorkStarted(work.node, work.index, ticket.attempt, work.key))

    def _total(self) -> dict[str, float]:
        return {name: sum(n.get(name, 0) for n in self._nodes) for name in KINDS}

    def _grow(self) -> None:
        """Start actors for works that wait; let idle ones of another shape go for them."""
        now = time.monotonic()
        if now - self._counted > 4 * TICK:
            self._nodes, self._counted = nodes(), now
            self._largest = largest(self._nodes)
        total = self._total()
        for shape, queue in self._queues.items():
            ready = [m.shape for m in self._members if m.ready]
            idle = any(m.idle for m in self._members)
            if queue and not idle and self._lending.lenders(shape, total):
                self._starvation.note(shape, ready, self._nodes, stuck=True)
                continue
            starting = [m for m in self._members if m.shape == shape and not m.ready]
            held = [m.shape for m in self._members if m not in starting]
            stuck = any(now - m.since > 10 * TICK or not shape.fits(total, held) for m in starting)
            for _ in range(0 if self._starvation.yields(shape) else len(queue) - len(starting)):
                used = [m.shape for m in self._members]
                if not shape.fits(total, used):
                    stuck = True
                    if starting or any(m.shape == shape for m in self._members):
                        break  # Ray has been asked, or one of ours will be free
                starting.append(self._start(shape))
            self._starvation.note(shape, ready, self._nodes, stuck=stuck)
            if queue and stuck:
                here = any(m.ready and m.shape == shape for m in self._members)
                spared = now - LINGER if here and not shape.gpus else now
                others = [
                    m
                    for m in self._members
                    if m.idle and m.shape != shape and (not m.shape.gpus or m.rests < spared)
                ]
                for other in others:
                    self._drop(other)
                    held = [m.shape for m in self._members if m not in starting]
                    if shape.fits(total, held):
                        break
        if not self._own:
            for member in [m for m in self._members if m.idle and m.rests < now - IDLE]:
                self._drop(member)

    def _start(self, queue: Shape) -> Member:
        """Ask for an actor for the works of a queue."""
        shape = queue
        if self._own and not self._members and len(self._queues[queue]) == 1:
            shape = queue.widened(self._coming, self._total())
        variables = environment(shape, self._threads, _checkout() if self._own else None)
        arguments = (self._root, self._url, self._device, self._board)
        handle, answer, together = ask(shape, variables, arguments)
        member = Member(handle, shape, answer, time.monotonic(), queue, together=together)
        self._members.append(member)
        return member

    def _drop(self, member: Member) -> None:
        self._members.remove(member)
        with contextlib.suppress(Exception):  # it may be dead already, in any way
            ray.kill(member.handle)
        if member.together is not None:
            member.together.end()

    def _listen(self, watch: Watch) -> None:
        """Wait for an answer, and deal with all that have come."""
        outstanding = {m.waiting: m for m in self._members if not m.idle}
        if not outstanding:
            time.sleep(TICK / 5)
            return
        answered, _ = ray.wait(list(outstanding), num_returns=1, timeout=TICK)
        if answered:
            answered, _ = ray.wait(list(outstanding), num_returns=len(outstanding), timeout=0)
        for answer in answered:
            member = outstanding[answer]
            if member.ready:
                self._answered(member, watch)
            else:
                self._started(member)
        self._look_for_late(watch)

    def _started(self, member: Member) -> None:
        try:
            ray.get(member.waiting)
        except exceptions.RayError as error:
            self._drop(member)
            why = self._starting.ended(member.shape, str(error))
            if why and not any(m.ready and m.shape == member.shape for m in self._members):
                self._give_up(member.queue, why, member.shape)
            return
        member.ready, member.rests = True, time.monotonic()
        self._starting.came(member.shape)
        self._starvation.fed(member.shape)

    def _look_for_late(self, watch: Watch) -> None:
        """See whether those that were asked for may still come, where none of their shape has."""
        came = {m.shape for m in self._members if m.ready}
        for shape in {m.shape for m in self._members} - came:
            since = min(m.since for m in self._members if m.shape == shape)
            alone = all(m.shape == shape for m in self._members)
            if why := self._starting.late(shape, since, self._nodes, alone=alone):
                for member in [m for m in self._members if m.shape == shape]:
                    self._drop(member)
                    self._give_up(member.queue, why, shape)
            elif news := self._starting.news(shape, since):
                watch(Waiting(news))

    def _give_up(self, shape: Shape, why: str, asked: Shape | None = None) -> None:
        """None of the works of a shape can be done: the actor ``asked`` for them does not come."""
        queue = self._queues[shape]
        text = f"no worker with {asked or shape} could be started: {why}"
        while queue:
            ticket = queue.pop()
            self._finished.append(_outcome(ticket, text, ticket.attempt))

    def _answered(self, member: Member, watch: Watch) -> None:
        assert member.ticket is not None
        work = member.ticket.work
        try:
            outcome = Outcome(work, ray.get(member.waiting))
        except exceptions.RayTaskError as error:
            text = str(error.cause)  # raised by our own code: it could not even be unpickled there
            failure = Failure(work.node, work.index, "stage", text, traceback=str(error))
            outcome = Outcome(work, failure)
        except exceptions.OutOfMemoryError as error:  # Ray's memory monitor
            self._lost(member, "killed for memory", watch, OutOfResources.exit_code, str(error))
            return
        except exceptions.RayError as error:  # its process, its node, or the answer is gone
            self._lost(member, type(error).__name__, watch, 1, str(error))
            return
        member.ticket, member.rests = None, time.monotonic()
        self._lending.done(member)
        self._finished.append(outcome)

    def _lost(self, member: Member, why: str, watch: Watch, code: int = 1, trace: str = "") -> None:
        """Let an actor go, and have another try what it did."""
        ticket = member.ticket
        assert ticket is not None
        self._drop(member)
        if ticket.attempt < ATTEMPTS:
            watch(WorkLost(ticket.work.node, ticket.work.index, ticket.attempt, why))
            self._queues[member.queue].put_back(ticket)
            return
        text = f"its worker died in each of {ATTEMPTS} attempts (the last: {why})"
        self._finished.append(_outcome(ticket, text, ATTEMPTS, code, trace))

    def _hear(self, watch: Watch) -> None:
        """Fetch what the works have noted, without ever waiting for it. Who is silent is lost."""
        if self._board is None or time.monotonic() - self._looked < TICK:
            return
        self._looked = time.monotonic()
        try:
            if self._noted is None:
                self._noted = self._board.take.remote()
            if not ray.wait([self._noted], timeout=0)[0]:
                return
            noted, self._noted = ray.get(self._noted), self._board.take.remote()
        except exceptions.RayError:
            self._board = None  # its node died; the works go on, and nobody is said to be silent
            return
        for member in self._members:
            if member.ticket is not None and member.ticket.work.key in noted:
                work, member.heard = member.ticket.work, time.monotonic()
                watch(WorkProgress(work.node, work.index, *noted[work.key]))
        silent = time.monotonic() - self._patience
        for member in [m for m in self._members if m.ticket and m.heard < silent]:
            self._lost(member, f"no sign of life for {self._patience:g} s", watch)

    def close(self) -> None:
        """End all actors and disconnect, which ends the cluster if it is our own."""
        for member in list(self._members):
            self._drop(member)
        with contextlib.suppress(Exception):
            ray.kill(self._board)
        ray.shutdown()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _checkout() -> Path:
    """The folder our packages are imported from."""
    return Path(__file__).resolve().parent.parent


def _outcome(ticket: Ticket, text: str, attempts: int, code: int = 1, trace: str = "") -> Outcome:
    work = ticket.work
    return Outcome(work, Failure(work.node, work.index, "lost", text, code, attempts, trace))
