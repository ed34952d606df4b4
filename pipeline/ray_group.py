"""Several Ray actors that do one work together, on the bundles of one placement group.

All of them or none are placed. The driver knows the first only: it does the work as any worker
does, and calls the others once it is really begun (nobody else has it, no result is there). With
one of them the work is lost, like any whose worker died, and the driver starts a new group.
"""

import contextlib
import os
import socket
from dataclasses import replace
from typing import Any

import ray
from ray import exceptions
from ray.util import get_node_ip_address
from ray.util.placement_group import placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from pipeline.failure import Failure
from pipeline.remote import RemoteWorker, Shape
from pipeline.stage import Peers, alone
from pipeline.work import Work
from pipeline.worker import Done

ENDING = 30.0
"""Seconds that the others have to end after the first has failed."""


class Leader(RemoteWorker):
    """The first of a group. ``others``: handles of the other ``RemoteWorker``."""

    def __init__(
        self, root: str, url: str | None, device: str, board: Any, others: list[Any]
    ) -> None:
        super().__init__(root, url, device, board)
        self._others = others

    def ping(self, *others: int) -> int:
        """Answer once the others have answered."""
        return super().ping()

    def do(self, work: Work, threads: int, peers: Any = alone) -> Done | Failure:
        """Do a work, with the others if it has to be done at all."""
        called: list[Any] = []

        def call() -> Peers:
            met = Peers(0, len(self._others) + 1, _address())
            for rank, other in enumerate(self._others, start=1):
                called.append(other.assist.remote(work, threads, met._replace(rank=rank)))
            return met

        done = super().do(work, threads, call)
        if isinstance(done, Failure):
            return replace(done, traceback="\n".join((done.traceback, *_others_said(called))))
        return done


def _others_said(called: list[Any]) -> list[str]:
    """What the others failed of: one of them may have been the first.

    Where one is gone, or hangs, it is not the stage's fault. This process ends then, so that the
    driver sees a death and tries again.
    """
    said = []
    for rank, answer in enumerate(called, start=1):
        try:
            ray.get(answer, timeout=ENDING)
        except exceptions.RayTaskError as error:
            said.append(f"Worker {rank} of the group:\n{error}")
        except exceptions.RayError:
            os._exit(1)
    return said


def _address() -> str:
    """Of this node, with a port that is free."""
    host = str(get_node_ip_address())  # type: ignore[no-untyped-call]
    with socket.socket() as probe:
        probe.bind((host, 0))
        return f"{host}:{probe.getsockname()[1]}"


class Group:
    """Actors of one shape, placed together. ``leader`` is the handle that works are given to.

    Args:
        shape: of the group; ``options`` and ``arguments`` are those of each actor.
    """

    def __init__(self, shape: Shape, options: dict[str, Any], arguments: tuple[Any, ...]) -> None:
        bundle = {name: amount for name, amount in shape.each.items() if amount}
        self._placement = placement_group([bundle] * shape.workers, strategy="PACK")

        def actor(kind: type[RemoteWorker], index: int) -> Any:
            strategy = PlacementGroupSchedulingStrategy(
                self._placement, placement_group_bundle_index=index
            )
            return ray.remote(kind).options(**options, scheduling_strategy=strategy)

        self._others: list[Any] = [
            actor(RemoteWorker, index).remote(*arguments) for index in range(1, shape.workers)
        ]
        self.leader: Any = actor(Leader, 0).remote(*arguments, self._others)

    def ping(self) -> Any:
        """What is answered once all have been placed."""
        return self.leader.ping.remote(*(other.ping.remote() for other in self._others))

    def end(self) -> None:
        """End all but the leader, and give back what the group holds."""
        for other in self._others:
            with contextlib.suppress(Exception):  # it may be dead already, in any way
                ray.kill(other)
        with contextlib.suppress(Exception):
            remove_placement_group(self._placement)
