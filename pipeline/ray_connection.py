"""Connecting to a Ray cluster, or starting one of our own, and what its nodes have."""

import os
from typing import Any

import ray

from pipeline.remote import KINDS

OBJECT_STORE = 100 * 2**20
"""Bytes; only references travel."""


def connect(address: str | None, num_cpus: int | None, num_gpus: int | None) -> bool:
    """Connect to a cluster; True when it was started for this."""
    if ray.is_initialized():
        raise RuntimeError("this process is connected to a Ray cluster already; close that pool")
    address = address or os.environ.get("RAY_ADDRESS")
    _keep_off_stdout()
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is not None:
        ray.init(address=address, **quiet)
        return False
    ray.init(
        address="local",  # never one that happens to run on this machine
        num_cpus=num_cpus,
        num_gpus=num_gpus,
        include_dashboard=False,
        object_store_memory=OBJECT_STORE,
        _node_ip_address="127.0.0.1",
        **quiet,
    )
    return True


def _keep_off_stdout() -> None:
    """Have Ray print what its daemons report, such as deaths of workers, on stderr.

    It takes stdout, even without ``log_to_driver``, and there is no option; ours is for results.
    """
    from ray._private import worker

    if not hasattr(worker.print_to_stdstream, "ours"):
        told = worker.print_to_stdstream

        def tell(data: dict[str, Any], *more: Any, **named: Any) -> None:
            # Deaths are told of by us; Ray also counts the actors that we let go.
            if not any("A worker died" in line for line in data.get("lines", ())):
                told({**data, "is_err": True}, *more, **named)

        tell.ours = True  # type: ignore[attr-defined]
        worker.print_to_stdstream = tell


def largest_node() -> dict[str, float]:
    """The most any one node has of each resource."""
    found = nodes()
    return {name: max(n.get(name, 0) for n in found) for name in KINDS}


def nodes() -> list[dict[str, float]]:
    """What each node has, to Ray's knowledge; a dead one counts for some seconds."""
    found = ray.nodes()  # type: ignore[no-untyped-call]
    return [dict(node["Resources"]) for node in found if node["Alive"]]
