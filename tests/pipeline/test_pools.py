"""What every pool must do, once for each pool; and the order in which works are taken."""

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.artifact import Ref
from pipeline.local import LocalPool
from pipeline.pool import Pool, Queue, throttled
from pipeline.report import Report
from pipeline.schedule import run
from pipeline.store import Store
from pipeline.watch import Event, WorkFinished, WorkProgress, WorkStarted
from pipeline.work import Work
from tests.pipeline.toy_plans import whole
from tests.pipeline.toy_stages import Poison, Read

Open = Callable[[Store], Pool]


def ray_pool(store: Store) -> Pool:
    from pipeline.cluster import RayPool

    return RayPool(store, num_cpus=2)


POOLS = [pytest.param(LocalPool, id="local"), pytest.param(ray_pool, id="ray")]


def keys(report: Report) -> dict[str, list[str]]:
    return {name: [ref.key for ref in refs if ref] for name, refs in report.refs.items()}


def content(report: Report, store: Store) -> dict[str, dict[str, str]]:
    """sha256 of every file of every result, by node and place."""
    found = {}
    for name, refs in report.refs.items():
        for index, ref in enumerate(refs):
            assert isinstance(ref, Ref)
            record = store.record(ref.key)
            if record is not None:
                found[f"{name}[{index}]"] = {n: f.sha256 for n, f in record.files.items()}
    return found


@pytest.mark.parametrize("open_pool", POOLS)
def test_same_keys_same_bytes(open_pool: Open, tmp_path: Path) -> None:
    """Also: a bug is not retried, its descendants are skipped, and a second run does nothing."""
    here, journal = Store(tmp_path / "here"), tmp_path / "journal"
    expected = run(whole(), here, LocalPool(here))
    store = Store(tmp_path / "store")
    pool = open_pool(store)
    seen: list[Event] = []
    try:
        report = run(whole(), store, pool, seen.append)
        assert report.ok, report.failures
        assert keys(report) == keys(expected)
        assert content(report, store) == content(expected, here)
        assert {e.node for e in seen if isinstance(e, WorkFinished)} == set(report.nodes)
        assert len([e for e in seen if isinstance(e, WorkStarted)]) == 16

        again = run(whole(), store, pool, seen.append)
        assert keys(again) == keys(expected)
        assert all(node.done == 0 for node in again.nodes.values())

        broken = run(whole(poison=Poison(at=2.0, journal=journal)), store, pool)
        assert [(f.node, f.index, f.kind, f.text) for f in broken.failures][:1] == [
            ("safe", 1, "stage", "KeyError: 'a bug'")
        ]
        assert {f.kind for f in broken.failures[1:]} == {"skipped"}
        assert journal.read_text().splitlines().count("Poison 2") == 1
    finally:
        pool.close()


def work(name: str) -> Work:
    return Work(name, None, Read(), {}, False, name, ())


def test_the_queue_gives_the_deepest_then_the_earliest() -> None:
    queue = Queue()
    for name, depth in (("a", 1), ("b", 2), ("c", 2), ("d", 1)):
        queue.put(work(name), depth)
    first = queue.pop()
    assert first.work.node == "b"
    queue.put(work("e"), 3)
    queue.put_back(first)
    assert queue.first().attempt == 2
    assert [queue.pop().work.node for _ in range(len(queue))] == ["b", "e", "c", "a", "d"]


def test_progress_is_throttled_but_the_end_is_told() -> None:
    told: list[tuple[int, int]] = []
    report = throttled(lambda done, total: told.append((done, total)), seconds=60)
    for step in range(1, 101):
        report(step, 100)
    assert told == [(1, 100), (100, 100)]
    assert WorkProgress("x", 0, *told[-1]).total == 100
