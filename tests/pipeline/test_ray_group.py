"""Works that several workers do together, on clusters of this machine, and one of them killed."""

import collections
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipeline.plan import Plan
from pipeline.schedule import Report, run
from pipeline.stage import Resources
from pipeline.store import Store
from pipeline.watch import Event, WorkLost
from tests.pipeline.toy_artifacts import Source
from tests.pipeline.toy_stages import Read, Shared

MIB = 2**20


def lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


def plan(stage: Shared) -> Plan:
    """The sum of 0 to 6."""
    made = Plan()
    numbers = made.add("read", Read(), source=made.given("x", Source(Path("x"), "f" * 7)))
    made.add("shared", stage, numbers=numbers)
    return made


def total(report: Report, store: Store) -> float:
    assert report.ok, report.failures
    return float(report.load("shared", store).values[0])


@pytest.mark.slow
def test_workers_on_two_nodes_do_one_work_and_one_of_them_publishes(
    cluster: Callable[..., Any], store: Store, journal: Path
) -> None:
    """Each node has one CPU, so the group must be spread over both; then nothing is left to do."""
    from pipeline.cluster import RayPool

    machines = cluster()
    for _ in range(2):
        machines.add_node(num_cpus=1, object_store_memory=100 * MIB)
    stage = Shared(workers=2, journal=journal)
    with RayPool(store, address=machines.address) as pool:
        assert total(run(plan(stage), store, pool), store) == 21
        assert sorted(lines(journal)) == ["0 of 2", "1 of 2"]
        assert total(run(plan(stage), store, pool), store) == 21
    assert len(lines(journal)) == 2, "the others are called to work that has to be done only"
    assert not list((store.root / "scratch").iterdir())


@pytest.mark.slow
def test_with_one_worker_the_work_is_lost_and_a_new_group_does_it(
    store: Store, journal: Path, tmp_path: Path
) -> None:
    from pipeline.cluster import RayPool

    seen: list[Event] = []
    stage = Shared(workers=2, journal=journal, dies=tmp_path / "died")
    with RayPool(store, num_cpus=2) as pool:
        assert total(run(plan(stage), store, pool, seen.append), store) == 21
    assert [(e.node, e.attempt) for e in seen if isinstance(e, WorkLost)] == [("shared", 1)]
    assert collections.Counter(lines(journal)) == {"0 of 2": 2, "1 of 2": 2}


@pytest.mark.slow
def test_a_group_that_no_machine_can_hold_is_told_of_at_once(store: Store, journal: Path) -> None:
    """Of GPUs that are declared and not there: each worker of a group has one of its own."""
    from pipeline.cluster import RayPool

    class SharedOnGpu(Shared):
        resources: ClassVar[Resources] = Resources(cpus=1, gpus=1)

    with RayPool(store, num_cpus=4, num_gpus=2, device="cuda") as pool:
        report = run(plan(SharedOnGpu(workers=3, journal=journal)), store, pool)
    assert [f.text for f in report.failures] == [
        "no worker with 3 times 1 CPU, 1 GPU, 1.0 GiB could be started: this machine has 2 GPU"
    ]
    assert not lines(journal)


def test_in_this_process_nobody_else_is_there(store: Store, journal: Path) -> None:
    from pipeline.local import LocalPool

    with LocalPool(store) as pool:
        report = run(plan(Shared(workers=4, journal=journal)), store, pool)
    assert total(report, store) == 21 and lines(journal) == ["0 of 1"]
