"""What the driver keeps of its actors, and workers that die for real."""

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.allocator import ENVIRONMENT
from pipeline.plan import Each, Plan
from pipeline.remote import Board, Shape, environment
from pipeline.schedule import run
from pipeline.stage import Resources
from pipeline.store import Store
from pipeline.watch import Event, WorkLost
from tests.pipeline.toy_artifacts import Numbers, Source
from tests.pipeline.toy_plans import chain
from tests.pipeline.toy_stages import Poison, Read, Split, Steps, Total, Where, Wide

MIB = 2**20


def lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


def test_a_shape_is_cut_down_to_the_largest_node() -> None:
    largest = {"CPU": 2.0, "GPU": 0.0, "memory": 4.0 * 2**30}
    wants = Resources(cpus=4, gpus=1, memory_gb=8)
    assert Shape.of(wants, largest, gpu=True) == Shape(2, 1, 4 * 2**30)
    assert Shape.of(wants, largest, gpu=False) == Shape(2, 0, 4 * 2**30)
    assert Shape.of(wants, {}, gpu=True) == Shape(4, 1, 8 * 2**30), "no node yet: they may come"
    assert Shape.of(wants, {}, gpu=True, workers=3).workers == 3
    assert Shape.of(Resources(memory_gb=0.5), {}, gpu=False) == Shape(1, 0, 2**30), "whole GiB"
    assert str(Shape(2, 0.5, 2**30)) == "2 CPU, 0.5 GPU, 1.0 GiB"
    assert str(Shape(2, 1, 0, 4)) == "4 times 2 CPU, 1 GPU"


def test_shapes_fit_beside_those_that_live() -> None:
    total = {"CPU": 3.0, "memory": 100.0}
    one, two, gpu = Shape(1, 0, 40), Shape(2, 0, 0), Shape(0, 1, 0)
    assert one.fits(total, [two])
    assert not two.fits(total, [two])
    assert not one.fits(total, [one, one])
    assert not gpu.fits(total, [])
    together = Shape(1, 0, 0, workers=2)
    assert together.fits(total, [one]) and not together.fits(total, [two])
    assert not one.fits(total, [together, one]), "what lives holds as much for each worker"


def test_larger_shapes_cover_smaller_ones_but_never_give_a_gpu_away() -> None:
    one, two, gpu = Shape(1, 0, 40), Shape(2, 0, 60), Shape(2, 0.5, 60)
    assert two.covers(one) and one.covers(one)
    assert not one.covers(two) and not two.covers(Shape(1, 0, 61))
    assert not gpu.covers(one) and not two.covers(gpu) and not gpu.covers(gpu)
    assert not two.covers(Shape(1, 0, 40, workers=2))


def test_a_shape_is_widened_to_what_will_push_it_aside() -> None:
    total = {"CPU": 2.0, "memory": 100.0}
    one, two, most = Shape(1, 0, 10), Shape(2, 0, 20), Shape(2, 0, 30)
    assert one.widened({one, two, most}, total) == most
    assert two.widened({one, two}, total) == two
    assert one.widened({two}, {"CPU": 3.0, "memory": 100.0}) == one, "both fit"
    assert one.widened({Shape(2, 0, 200)}, total) == one, "that one never fits"
    for coming in ({Shape(2, 1, 20)}, {Shape(1, 0.25, 10), two}):
        assert one.widened(coming, {**total, "GPU": 1.0}) == one, "a GPU's work wants the other CPU"
    assert one.widened({two}, {"CPU": 2.0, "memory": 25.0}) == two, "it is memory that is short"


def test_actors_see_their_own_resources_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/there")
    assert environment(Shape(2, 0, 0), 0, None) == {
        **ENVIRONMENT,
        "OMP_NUM_THREADS": "2",
        "OMP_WAIT_POLICY": "PASSIVE",
        "CUDA_VISIBLE_DEVICES": "",
    }
    assert environment(Shape(0.5, 1, 0), 0, Path("/here")) == {
        **ENVIRONMENT,
        "OMP_NUM_THREADS": "1",
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONPATH": "/here:/there",
    }
    assert environment(Shape(8, 0, 0), 1, None)["OMP_NUM_THREADS"] == "1"


def test_the_board_tells_each_thing_once() -> None:
    board = Board()
    board.note("a", 1, 9)
    board.note("a", 2, 9)
    assert board.take() == {"a": (2, 9)}
    assert board.take() == {}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Store]]:
    """One pool of two CPUs and a GPU that is declared and not there."""
    from pipeline.cluster import RayPool

    store = Store(tmp_path_factory.mktemp("shared") / "store")
    with RayPool(store, num_cpus=2, num_gpus=1, device="cuda") as pool:
        yield pool, store


@pytest.mark.slow
@pytest.mark.parametrize("how", ["segfault", "kill"])
def test_a_poison_fails_after_three_attempts_and_others_finish(
    shared: tuple[Any, Store], journal: Path, how: str
) -> None:
    pool, store = shared
    seen: list[Event] = []
    numbers = {"segfault": 10, "kill": 12}[how]
    plan = chain(Split2(how=how, at=2.0, journal=journal), numbers=numbers)
    report = run(plan, store, pool, seen.append)
    first, second = report.failures
    assert (first.node, first.index, first.kind, first.attempts) == ("mapped", 1, "lost", 3)
    assert "its worker died in each of 3 attempts" in first.text
    assert (second.node, second.kind) == ("total", "skipped")
    counted = collections.Counter(lines(journal))
    others = {f"Poison {n}": 1 for n in range(0, numbers, 2) if n != 2}
    assert counted == {"Poison 2": 3} | others, "nobody else paid for it"
    assert [e.attempt for e in seen if isinstance(e, WorkLost)] == [1, 2]


class Split2(Poison):
    """A poison with a key of its own, so that no other test has done its work."""


@pytest.mark.slow
def test_shapes_take_turns_on_a_small_cluster(shared: tuple[Any, Store], journal: Path) -> None:
    """One CPU, both CPUs, one CPU again: idle actors must not hold what others wait for."""
    pool, store = shared
    plan = Plan()
    clip = plan.given("clip", Source(Path("clip.mp4"), "x" * 7))
    pieces = plan.add("pieces", Split(), numbers=plan.add("read", Read(), source=clip))
    wide = plan.add("wide", Wide(journal=journal), numbers=Each(pieces))
    steps = plan.add("steps", Steps(steps=2), numbers=Each(wide))
    plan.add("total", Total(), parts=steps)
    report = run(plan, store, pool)
    assert report.ok, report.failures
    total = report.load("total", store)
    assert isinstance(total, Numbers) and total.values[0] == -21 + 14
    assert len(lines(journal)) == 4


@pytest.mark.slow
def test_actors_get_the_device_and_the_threads_of_their_shape(
    shared: tuple[Any, Store], journal: Path
) -> None:
    pool, store = shared
    plan = Plan()
    plan.add("where", Where(journal=journal), source=plan.given("x", Source(Path("x"), "a")))
    assert run(plan, store, pool).ok
    assert lines(journal) == ["cuda 1 CUDA=0 OMP=1"]
