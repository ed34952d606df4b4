"""Stores, buckets in memory, and Ray clusters of several nodes on this machine."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from pipeline.store import Store
from tests.pipeline.object_store import ObjectStore


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def url() -> str:
    fsspec.register_implementation("objects", ObjectStore, clobber=True)
    return f"objects://bucket-{uuid.uuid4().hex}/results"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def cluster(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Starts a cluster whose head has no CPUs, to be connected to by its address.

    Its timings are Ray's own: with fast ones, a busy machine makes nodes die that are well.
    """
    import ray
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(repository))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    started = []

    def start() -> Any:
        head: dict[str, Any] = {
            "num_cpus": 0,
            "include_dashboard": False,
            "object_store_memory": 100 * 2**20,
        }
        started.append(Cluster(initialize_head=True, head_node_args=head))
        return started[0]

    yield start
    ray.shutdown()
    for each in started:
        each.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait for a condition, a minute at most."""

    def wait(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    return wait
