"""Connecting to a Ray cluster, or starting one of our own, and what its nodes have."""

import os
import socket
from typing import Any

import ray
from ray import exceptions

from pipeline.failure import MissingDependency
from pipeline.remote import KINDS

OBJECT_STORE = 100 * 2**20
"""Bytes; only references travel."""
REACH = 20.0
"""Seconds that a cluster's head may take to be reached."""
TELEMETRY = "RAY_enable_open_telemetry"
"""Whether a process of Ray's exports metrics. Ray 2.60 does not end a driver's thread for that with
its connection: each leaves one behind. A process with many was twice ended as it disconnected."""

PRESTART = "RAY_prestart_worker_first_driver"
"""Whether a cluster starts processes before they are asked for. Ours have an environment of their
own, so none of them would do."""


def connect(address: str | None, num_cpus: int | None, num_gpus: int | None) -> bool:
    """Connect to a cluster; True when it was started for this.

    Raises:
        MissingDependency: there is no cluster at the address, or it does not take us.
    """
    if ray.is_initialized():
        raise RuntimeError("this process is connected to a Ray cluster already; close that pool")
    address = address or os.environ.get("RAY_ADDRESS")
    _keep_off_stdout()
    os.environ.setdefault(TELEMETRY, "0")
    os.environ.setdefault(PRESTART, "0")
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "error"}
    if address is not None:
        try:
            _reach(address)
            ray.init(address=address, **quiet)
        except (exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise MissingDependency(
                f"The Ray cluster at {address} cannot be used ({why}); check "
                "RAY_ADDRESS, and that it runs the same ray and Python as this program."
            ) from error
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


def _reach(address: str) -> None:
    """Raise OSError where nobody listens at HOST:PORT: Ray itself tries on for many minutes."""
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal() and "//" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH).close()


def _keep_off_stdout() -> None:
    """Have Ray print what its daemons report, such as deaths of workers, on stderr.

    It takes stdout, even without ``log_to_driver``, and there is no option; ours is for results.
    """
    from ray._private import worker

    told = getattr(worker, "print_to_stdstream", None)
    if told is None or hasattr(told, "ours"):
        return

    def tell(data: dict[str, Any], *more: Any, **named: Any) -> None:
        # Deaths are told of by us; Ray also counts the actors that we let go.
        if not any("A worker died" in line for line in data.get("lines", ())):
            told({**data, "is_err": True}, *more, **named)

    tell.ours = True  # type: ignore[attr-defined]
    worker.print_to_stdstream = tell


def largest(found: list[dict[str, float]]) -> dict[str, float]:
    """The most any one of these nodes has of each resource."""
    return {name: max((n.get(name, 0) for n in found), default=0) for name in KINDS}


def nodes() -> list[dict[str, float]]:
    """What each node has, to Ray's knowledge; a dead one counts for some seconds."""
    found = ray.nodes()  # type: ignore[no-untyped-call]
    return [dict(node["Resources"]) for node in found if node["Alive"]]
