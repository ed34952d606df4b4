"""Shapes that contend, on a cluster with a GPU that is declared and not there."""

from pathlib import Path

import pytest

from pipeline.plan import Each, Plan
from pipeline.schedule import run
from pipeline.store import Store
from pipeline.watch import Event, WorkLost
from tests.pipeline.gpu_stages import HalfGpu, Stuck, Timed
from tests.pipeline.toy_artifacts import Source
from tests.pipeline.toy_plans import chain
from tests.pipeline.toy_stages import Read, Split, Total


def at_once(lines: list[str], name: str) -> int:
    """The most of these that ran beside each other."""
    most = now = 0
    for line in lines:
        word, what, *_ = line.split()
        now += (what == name) * (1 if word == "begin" else -1)
        most = max(most, now)
    return most


@pytest.mark.slow
def test_halves_of_a_gpu_are_shared_and_do_not_wait_for_all_cpu_work(
    store: Store, journal: Path
) -> None:
    """Five CPUs: without care they would all go to the many small works first."""
    from pipeline.cluster import RayPool

    plan = Plan()
    clip = plan.given("clip", Source(Path("clip.mp4"), "x" * 32))
    pieces = plan.add("pieces", Split(), numbers=plan.add("read", Read(), source=clip))
    small = plan.add("small", Timed(alone=8, journal=journal), numbers=Each(pieces))
    on_gpu = plan.add("on_gpu", HalfGpu(journal=journal), numbers=Each(small))
    plan.add("total", Total(), parts=on_gpu)
    with RayPool(store, num_cpus=5, num_gpus=1, device="cuda") as pool:
        report = run(plan, store, pool)
    assert report.ok, report.failures
    lines = journal.read_text().splitlines()
    assert lines.count("end gpu cuda") == lines.count("end cpu cpu") == 16
    assert at_once(lines, "gpu") == 2
    assert "begin cpu" in lines[lines.index("begin gpu") :], "small works were left for later"


@pytest.mark.slow
def test_a_worker_that_hangs_is_replaced(store: Store) -> None:
    from pipeline.cluster import RayPool

    seen: list[Event] = []
    with RayPool(store, num_cpus=1, patience=2.0) as pool:
        report = run(chain(Stuck(), numbers=2), store, pool, seen.append)
    assert report.ok, report.failures
    assert [e.text for e in seen if isinstance(e, WorkLost)] == ["no sign of life for 2 s"]
