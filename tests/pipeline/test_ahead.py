"""A pool that comes while its caller does something else."""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.ahead import Ahead
from pipeline.failure import MissingDependency
from pipeline.local import LocalPool
from pipeline.schedule import run
from pipeline.stage import Stage
from pipeline.store import Store
from tests.pipeline.toy_plans import whole
from tests.pipeline.toy_stages import Read


class Noting(LocalPool):
    """Notes its calls, and in which thread it was made."""

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.maker = threading.current_thread()
        self.expected: list[Stage] = []
        self.closed = 0

    def expect(self, stages: Iterable[Stage]) -> None:
        self.expected += stages

    def close(self) -> None:
        assert self.maker.is_alive(), "Ray's processes die with the thread that started them"
        self.closed += 1


def test_the_caller_goes_on_and_then_has_the_pool(store: Store) -> None:
    go_on, made = threading.Event(), []

    def make() -> Noting:
        assert go_on.wait(60)
        made.append(Noting(store))
        return made[0]

    pool = Ahead(make)
    assert not made
    go_on.set()
    plan = whole()
    report = run(plan, store, pool)
    assert report.ok, report.failures
    (own,) = made
    assert own.maker is not threading.current_thread()
    assert own.maker.is_alive()
    assert own.expected == [node.stage for node in plan.nodes.values() if node.stage]
    pool.close()
    assert own.closed == 1
    own.maker.join(60)
    assert not own.maker.is_alive()


def test_what_goes_wrong_is_told_to_each_who_needs_it(tmp_path: Path) -> None:
    def make() -> Noting:
        raise MissingDependency("there is no cluster")

    pool = Ahead(make)
    for _ in range(2):
        with pytest.raises(MissingDependency, match="there is no cluster"):
            pool.expect([Read()])
    pool.close()
