"""Who waits on a cluster, so that work which gets nothing gets its share."""

from types import SimpleNamespace
from typing import cast

import pytest

from pipeline import starvation
from pipeline.pool import Queue
from pipeline.remote import Shape
from pipeline.starvation import PATIENCE, RENEWED, Starvation
from pipeline.work import Work
from tests.pipeline.toy_clock import Clock

SMALL, LARGE, GPU = Shape(1, 0, 0), Shape(4, 0, 0), Shape(1, 1, 0)
NODES = [{"CPU": 4.0, "GPU": 2.0}]


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(starvation, "time", made)
    return made


@pytest.fixture
def queues() -> dict[Shape, Queue]:
    """Small work is the deepest, and so the first."""
    found = {shape: Queue() for shape in (SMALL, LARGE, GPU)}
    for depth, queue in enumerate(reversed(found.values())):
        queue.put(cast("Work", SimpleNamespace()), depth)
    return found


def test_small_work_waits_for_a_gpu_that_nobody_feeds(
    queues: dict[Shape, Queue], clock: Clock
) -> None:
    it = Starvation(queues)
    assert not it.yields(SMALL)
    it.note(GPU, [SMALL] * 4, NODES, stuck=True)
    assert it.yields(SMALL) and it.yields(LARGE) and not it.yields(GPU)
    clock.now += PATIENCE + 1
    assert not it.yields(SMALL), "for a while only"
    it.note(GPU, [SMALL] * 4, NODES, stuck=True)
    assert not it.yields(SMALL), "it was in vain"
    clock.now += RENEWED
    it.note(GPU, [SMALL] * 4, NODES, stuck=True)
    assert it.yields(SMALL)


def test_all_gpus_are_to_be_used_but_one_actor_without_any_is_enough(
    queues: dict[Shape, Queue],
) -> None:
    it = Starvation(queues)
    it.note(GPU, [GPU, SMALL, SMALL, SMALL], NODES, stuck=True)
    assert it.yields(SMALL), "one of two GPUs is free"
    it.note(GPU, [GPU, GPU, SMALL, SMALL], NODES, stuck=True)
    assert not it.yields(SMALL)
    it.note(SMALL, [SMALL], NODES, stuck=True)
    assert not it.yields(LARGE)


def test_without_gpus_the_deepest_goes_first(queues: dict[Shape, Queue]) -> None:
    it = Starvation(queues)
    it.note(SMALL, [LARGE], NODES, stuck=True)
    assert it.yields(LARGE) and not it.yields(GPU)
    it.fed(SMALL)
    assert not it.yields(LARGE)


def test_a_shape_without_work_keeps_nobody_waiting(queues: dict[Shape, Queue]) -> None:
    it = Starvation(queues)
    it.note(GPU, [], NODES, stuck=True)
    queues[GPU].pop()
    assert not it.yields(SMALL)
    it.note(GPU, [], NODES, stuck=False)
    assert not it.yields(SMALL)


def test_what_only_starts_slowly_is_not_starved(queues: dict[Shape, Queue]) -> None:
    it = Starvation(queues)
    it.note(GPU, [], NODES, stuck=False)
    assert not it.yields(SMALL)


def test_a_group_takes_as_many_gpus_as_it_has_workers(queues: dict[Shape, Queue]) -> None:
    pair = Shape(1, 1, 0, workers=2)
    queues[pair] = Queue()
    queues[pair].put(cast("Work", SimpleNamespace()), 0)
    it = Starvation(queues)
    it.note(pair, [SMALL] * 4, NODES, stuck=True)
    assert it.yields(SMALL), "both GPUs are free, but small actors hold the CPUs"
    it.note(pair, [pair, SMALL, SMALL], NODES, stuck=True)
    assert not it.yields(SMALL), "one group is all that fits"
