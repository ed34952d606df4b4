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
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pipeline.failure import Failure, MissingDependency, OutOfResources
from pipeline.pool import Outcome, Queue, Ticket
from pipeline.remote import KINDS, Board, Member, RemoteWorker, Shape, environment
from pipeline.starvation import Starvation
from pipeline.store import Store
from pipeline.watch import Watch, WorkLost, WorkProgress, WorkStarted
from pipeline.work import Work

# Before ray is imported, which reads them.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # we hide GPUs ourselves

try:
    import ray
    from ray import exceptions

    from pipeline.ray_connection import connect, largest_node, nodes
    from pipeline.ray_group import Group
except ModuleNotFoundError as error:
    raise MissingDependency(
        "--on ray needs the package ray: pip install 'consecutive-face-edit[ray]'"
    ) from error

LOST = (
    exceptions.RayActorError,  # also ActorDiedError, and ActorUnavailableError: do not wait for it
    exceptions.NodeDiedError,
    exceptions.WorkerCrashedError,
    exceptions.OutOfMemoryError,  # killed by Ray's memory monitor; no RayActorError
    exceptions.ObjectLostError,  # the answer died with its node; the result itself is stored
)
"""These mean that the worker died. A ``RayTaskError`` means that our own code raised."""

ATTEMPTS = 3
STARTS = 3
TICK = 0.5  # seconds between looks at progress and at actors that do not start
LINGER = 20.0  # seconds that an idle actor with a GPU is kept although others want its CPUs


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
        start_timeout: seconds an actor has to answer its first ping.
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
    ) -> None:
        self._root, self._url = str(store.root), store.url
        self._device = device
        self._threads = threads
        self._start_timeout = start_timeout
        self._queues: dict[Shape, Queue] = {}
        self._members: list[Member] = []
        self._failed_starts: dict[Shape, int] = {}
        self._starvation = Starvation(self._queues)
        self._finished: deque[Outcome] = deque()
        self._own = connect(address, num_cpus, num_gpus)
        self._largest, self._nodes, self._counted = largest_node(), nodes(), 0.0
        self._board: Any = ray.remote(Board).options(num_cpus=0).remote()
        self._noted: Any = None
        self._looked = 0.0

    def submit(self, work: Work, depth: int) -> None:
        """Take a work."""
        shape = self._shape(work)
        self._queues.setdefault(shape, Queue()).put(work, depth)
        # None will ever join our own cluster.
        if self._own and shape.times(self._largest) < shape.workers:
            kind = "GPU" if shape.gpus else "CPU"
            self._give_up(shape, f"this machine has {self._largest[kind]:g} {kind}")

    def _shape(self, work: Work) -> Shape:
        stage, gpu = work.stage, self._device == "cuda"
        return Shape.of(stage.resources, self._largest, gpu=gpu, workers=stage.workers_wanted)

    def next(self, watch: Watch) -> Outcome:
        """Wait until one of the works is done."""
        while not self._finished:
            self._assign(watch)
            self._grow()
            self._listen(watch)
            self._show_progress(watch)
        return self._finished.popleft()

    def _assign(self, watch: Watch) -> None:
        """Give the first works of each queue to idle actors, best one that loaded the stage."""
        for shape, queue in self._queues.items():
            if self._starvation.yields(shape):
                continue
            idle = [m for m in self._members if m.idle and m.shape == shape]
            while queue and idle:
                ticket = queue.pop()
                stage = ticket.work.stage
                member = next((m for m in idle if m.last == stage), idle[0])
                idle.remove(member)
                member.ticket, member.last = ticket, stage
                named = member.handle.do.options(name=ticket.work.label)
                member.waiting = named.remote(ticket.work)
                work = ticket.work
                watch(WorkStarted(work.node, work.index, ticket.attempt, work.key))

    def _grow(self) -> None:
        """Start actors for works that wait; let idle ones of another shape go for them."""
        now = time.monotonic()
        if now - self._counted > 4 * TICK:
            self._nodes, self._counted = nodes(), now
        total = {name: sum(n.get(name, 0) for n in self._nodes) for name in KINDS}
        for shape, queue in self._queues.items():
            starting = [m for m in self._members if m.shape == shape and not m.ready]
            stuck = any(now - m.since > 10 * TICK for m in starting)
            for _ in range(0 if self._starvation.yields(shape) else len(queue) - len(starting)):
                used = [m.shape for m in self._members]
                if not shape.fits(total, used):
                    stuck = True
                    if starting or any(m.shape == shape for m in self._members):
                        break  # Ray has been asked, or one of ours will be free
                starting.append(self._start(shape))
            ready = [m.shape for m in self._members if m.ready]
            self._starvation.note(shape, ready, self._nodes, stuck=stuck)
            if queue and stuck:
                here = any(m.ready and m.shape == shape for m in self._members)
                spared = now - LINGER if here and not shape.gpus else now
                other = next(
                    (
                        m
                        for m in self._members
                        if m.idle and m.shape != shape and (not m.shape.gpus or m.rests < spared)
                    ),
                    None,
                )
                if other is not None:
                    self._drop(other)

    def _start(self, shape: Shape) -> Member:
        variables = environment(shape, self._threads, _checkout() if self._own else None)
        options: dict[str, Any] = {
            "num_cpus": shape.cpus,
            "num_gpus": shape.gpus,
            "memory": shape.memory or None,
            "max_restarts": 0,
            "max_task_retries": 0,
            "runtime_env": {"env_vars": variables},
        }
        threads = self._threads or max(1, int(shape.cpus))
        arguments = (self._root, self._url, self._device, threads, self._board)
        now = time.monotonic()
        if shape.workers > 1:
            group = Group(shape, options, arguments)
            member = Member(group.leader, shape, group.ping(), now, together=group)
        else:
            handle: Any = ray.remote(RemoteWorker).options(**options).remote(*arguments)
            member = Member(handle, shape, handle.ping.remote(), now)
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
        for answer in answered:
            member = outstanding[answer]
            if member.ready:
                self._answered(member, watch)
            else:
                self._started(member)
        late = time.monotonic() - self._start_timeout
        for member in [m for m in self._members if not m.ready and m.since < late]:
            self._no_start(member, f"no answer within {self._start_timeout:g} s")

    def _started(self, member: Member) -> None:
        try:
            ray.get(member.waiting)
        except exceptions.RayError as error:
            self._no_start(member, str(error))
            return
        member.ready = True
        self._failed_starts[member.shape] = 0
        self._starvation.fed(member.shape)

    def _no_start(self, member: Member, text: str) -> None:
        """Try another; when none starts and none works, its queue has no hope."""
        self._drop(member)
        shape = member.shape
        if any(m.ready for m in self._members):
            return
        self._failed_starts[shape] = self._failed_starts.get(shape, 0) + 1
        if self._failed_starts[shape] < STARTS:
            return
        self._give_up(shape, f"{STARTS} attempts, the last: {text}")

    def _give_up(self, shape: Shape, why: str) -> None:
        queue, text = self._queues[shape], f"no worker with {shape} could be started: {why}"
        while queue:
            ticket = queue.pop()
            self._finished.append(_outcome(ticket, text, ticket.attempt))

    def _answered(self, member: Member, watch: Watch) -> None:
        ticket, member.ticket = member.ticket, None
        member.rests = time.monotonic()
        assert ticket is not None
        try:
            self._finished.append(Outcome(ticket.work, ray.get(member.waiting)))
        except LOST as error:
            self._drop(member)
            self._lost(ticket, error, watch)
        except exceptions.RayTaskError as error:  # a work that cannot even be unpickled there
            failure = Failure(
                ticket.work.node, ticket.work.index, "stage", str(error.cause), traceback=str(error)
            )
            self._finished.append(Outcome(ticket.work, failure))

    def _lost(self, ticket: Ticket, error: Exception, watch: Watch) -> None:
        memory = isinstance(error, exceptions.OutOfMemoryError)
        kind = "killed for memory" if memory else type(error).__name__
        if ticket.attempt < ATTEMPTS:
            watch(WorkLost(ticket.work.node, ticket.work.index, ticket.attempt, kind))
            self._queues[self._shape(ticket.work)].put_back(ticket)
            return
        text = f"its worker died in each of {ATTEMPTS} attempts (the last: {kind})"
        code = OutOfResources.exit_code if memory else 1
        self._finished.append(_outcome(ticket, text, ATTEMPTS, code, str(error)))

    def _show_progress(self, watch: Watch) -> None:
        """Fetch what the works have noted, without ever waiting for it."""
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
            self._board = None  # its node died; the works go on
            return
        for member in self._members:
            if member.ticket is not None and member.ticket.work.key in noted:
                work = member.ticket.work
                watch(WorkProgress(work.node, work.index, *noted[work.key]))

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
