"""Asking Ray for the actors of a shape. Whether and when they come is the pool's concern."""

from collections.abc import Mapping
from typing import Any

import ray

from pipeline.ray_group import Group
from pipeline.remote import RemoteWorker, Shape


def ask(
    shape: Shape, variables: Mapping[str, str], arguments: tuple[Any, ...]
) -> tuple[Any, Any, Group | None]:
    """Ask for an actor, or for as many as do their works together.

    Args:
        shape: what each holds while it lives.
        variables: of its environment.
        arguments: of ``RemoteWorker``.

    Returns:
        The actor that is given work, the answer that comes once it can be, and the others with it.
    """
    options: dict[str, Any] = {
        "num_cpus": shape.cpus,
        "num_gpus": shape.gpus,
        "memory": shape.memory or None,
        "max_restarts": 0,
        "max_task_retries": 0,
        "runtime_env": {"env_vars": dict(variables)},
    }
    if shape.workers > 1:
        group = Group(shape, options, arguments)
        return group.leader, group.ping(), group
    handle: Any = ray.remote(RemoteWorker).options(**options).remote(*arguments)
    return handle, handle.ping.remote(), None
