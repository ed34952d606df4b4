"""Nodes that die for real, and those that never come. Each test has a cluster of its own."""

import collections
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from pipeline import lending
from pipeline.failure import MissingDependency
from pipeline.plan import Each, Plan
from pipeline.schedule import run
from pipeline.stage import Context, Resources
from pipeline.store import Store
from pipeline.watch import Event, Waiting, WorkLost, WorkProgress
from tests.pipeline.toy_artifacts import Numbers, Source
from tests.pipeline.toy_plans import chain
from tests.pipeline.toy_stages import (
    Await,
    HalfGpu,
    Journalled,
    OnGpu,
    Read,
    Split,
    Steps,
    Stuck,
    Total,
    Where,
)

MIB = 2**20


def lines(journal: Path) -> list[str]:
    return journal.read_text().splitlines() if journal.exists() else []


def test_without_ray_the_sentence_says_what_to_install(repository: Path) -> None:
    code = """
import sys
sys.modules["ray"] = None
from pipeline.failure import MissingDependency
try:
    import pipeline.cluster
except MissingDependency as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    assert "pip install 'consecutive-face-edit[ray]'" in done.stdout


def where(journal: Path) -> Plan:
    plan = Plan()
    clip = plan.given("x", Source(Path("x"), "ab"))
    plan.add("where", Where(journal=journal), source=clip)
    plan.add("read", Read(), source=clip)
    return plan


@pytest.mark.slow
def test_without_a_gpu_what_needs_one_fails_with_a_sentence(store: Store, journal: Path) -> None:
    from pipeline.cluster import RayPool

    with RayPool(store, num_cpus=1, num_gpus=0, device="cuda") as pool:
        report = run(where(journal), store, pool)
    assert [f.node for f in report.failures] == ["where"]
    sentence = "no worker with 1 CPU, 1 GPU, 1.0 GiB could be started: this machine has 0 GPU"
    assert report.failures[0].text == sentence


@pytest.mark.slow
def test_what_is_never_placed_does_not_hang(
    cluster: Callable[..., Any], store: Store, journal: Path
) -> None:
    """On a cluster that others run, a GPU may still come, so it is waited for, a while."""
    from pipeline.cluster import RayPool

    machines = cluster()
    machines.add_node(num_cpus=1, object_store_memory=100 * MIB)
    with RayPool(store, address=machines.address, device="cuda", join_timeout=5) as pool:
        report = run(where(journal), store, pool)
    assert [f.node for f in report.failures] == ["where"]
    assert report.failures[0].text == (
        "no worker with 1 CPU, 1 GPU, 1.0 GiB could be started: "
        "no node has that much, and none has joined within 5 s"
    )


HOLD = """
import sys, time
from pathlib import Path
import ray

@ray.remote(num_cpus=1)
class Hold:
    def held(self):
        return True

ray.init(address=sys.argv[1], logging_level="error", log_to_driver=False)
hold = [Hold.remote() for _ in range(int(sys.argv[2]))]
ray.get([each.held.remote() for each in hold])
Path(sys.argv[3]).touch()
time.sleep(300)
"""


@pytest.mark.slow
def test_drivers_wait_for_each_other_and_give_back_what_they_do_not_use(
    cluster: Callable[..., Any],
    until: Callable[[Callable[[], bool]], None],
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another driver has all of the cluster, for longer than it takes to start; later a half."""
    from pipeline import cluster as module

    monkeypatch.setattr(module, "IDLE", 1.0)
    machines = cluster()
    for _ in range(2):
        machines.add_node(num_cpus=1, object_store_memory=100 * MIB)

    def hold(cpus: int, name: str) -> "subprocess.Popen[bytes]":
        words = [machines.address, str(cpus), str(tmp_path / name)]
        return subprocess.Popen([sys.executable, "-c", HOLD, *words])

    others = [hold(2, "all")]
    until((tmp_path / "all").exists)

    def watch(event: Event) -> None:
        seen.append(event)
        if isinstance(event, Waiting) and len(others) == 1:
            others[0].kill()
            others.append(hold(1, "one"))

    seen: list[Event] = []
    plan = chain(Steps(steps=2, seconds=0.1), numbers=12)
    plan.add("end", Await(file=tmp_path / "one"), numbers=plan.nodes["total"])
    with module.RayPool(store, address=machines.address, start_timeout=2) as pool:
        report = run(plan, store, pool, watch)
    for other in others:
        other.kill()
    assert report.ok, report.failures
    assert len(others) == 2
    assert not [event for event in seen if isinstance(event, WorkLost)]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "[::1]:9", "nowhere.invalid:6379"])
def test_a_cluster_that_is_not_there_is_told_of(store: Store, address: str) -> None:
    from pipeline.cluster import RayPool

    said = f"The Ray cluster at {address} cannot be used ("
    with pytest.raises(MissingDependency, match=re.escape(said)):
        RayPool(store, address=address)


@pytest.mark.slow
def test_on_a_small_machine_one_worker_does_all_until_there_is_much(
    store: Store, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has room for what comes later, and keeps what it loaded. Threads are the works' own."""
    from pipeline import cluster as module

    class Large(Journalled):
        resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

        def run(self, numbers: Numbers, context: Context) -> Numbers:
            self.note(f"{os.getpid()} {context.threads}")
            return numbers

    class Small(Large):
        resources: ClassVar[Resources] = Resources(cpus=1)

    class Beside(Small):
        pass

    class First(Read):
        def run(self, source: Source, context: Context) -> Numbers:  # type: ignore[override]
            self.note(f"{os.getpid()} {context.threads}")
            return Numbers(np.arange(16.0))

    class Long(Small):
        def run(self, numbers: Numbers, context: Context) -> Numbers:
            time.sleep(0.3)
            return super().run(numbers, context)

    plan = Plan()
    clip = plan.given("x", Source(Path("x"), "f" * 16))
    last = first = plan.add("first", First(journal=journal), source=clip)
    for name, kind in (("before", Large), ("between", Small), ("after", Large)):
        last = plan.add(name, kind(journal=journal), numbers=last)
    plan.add("beside", Beside(journal=journal), numbers=first)
    plan.add("also", Beside(journal=journal), numbers=plan.nodes["before"])
    few = plan.needed(None)
    pieces = plan.add("pieces", Split(), numbers=last)
    plan.add("long", Long(journal=journal), numbers=Each(pieces))
    monkeypatch.setattr(lending, "START", 0.5)
    with module.RayPool(store, num_cpus=2) as pool:
        report = run(plan, store, pool, targets=few)
        assert report.ok, report.failures
        short = [line.split() for line in lines(journal)]
        report = run(plan, store, pool)
    assert report.ok, report.failures
    assert len(short) == 6 and len({pid for pid, _ in short}) == 1
    assert collections.Counter(threads for _, threads in short) == {"1": 4, "2": 2}
    many = [line.split()[0] for line in lines(journal)[6:]]
    assert len(many) == 8 and len(set(many)) == 3, "the large one, then two of their own"


@pytest.mark.slow
def test_halves_of_a_gpu_are_shared_and_a_worker_that_hangs_is_replaced(
    store: Store, journal: Path, tmp_path: Path
) -> None:
    """The GPU is declared, and not there."""
    from pipeline.cluster import RayPool

    seen: list[Event] = []
    stuck = Stuck(mark=tmp_path / "mark", seconds=6)
    with RayPool(store, num_cpus=2, num_gpus=1, device="cuda", patience=3) as pool:
        halves = run(chain(HalfGpu(journal=journal), numbers=4), store, pool)
        assert halves.ok, halves.failures
        assert lines(journal) == ["begins on cuda"] * 2
        report = run(chain(stuck, numbers=2), store, pool, seen.append)
    assert report.ok, report.failures
    lost = [(e.attempt, e.text) for e in seen if isinstance(e, WorkLost)]
    assert lost == [(1, "no sign of life for 3 s")]


@pytest.mark.slow
def test_a_gpu_does_not_wait_until_small_work_is_done(store: Store, journal: Path) -> None:
    """Both CPUs are held by work of which there is more; then work comes that needs a GPU, too."""
    from pipeline.cluster import RayPool

    plan = Plan()
    clip = plan.given("x", Source(Path("x"), "f" * 40))
    read = plan.add("read", Read(), source=clip)
    parts = plan.add("parts", Split(size=1), numbers=read)
    total = plan.add("total", Total(), parts=parts)
    plan.add("small", Steps(steps=4, seconds=0.1, journal=journal), numbers=Each(parts))
    plan.add("on_gpu", OnGpu(journal=journal), numbers=total)
    with RayPool(store, num_cpus=2, num_gpus=1, device="cuda") as pool:
        report = run(plan, store, pool)
    assert report.ok, report.failures
    noted = lines(journal)
    assert len(noted) == 40 * 4 + 1
    assert noted.index("OnGpu") < 0.9 * len(noted), "there was small work left"


@pytest.mark.slow
def test_a_node_dies_and_no_step_is_lost(
    cluster: Callable[..., Any],
    until: Callable[[Callable[[], bool]], None],
    store: Store,
    journal: Path,
) -> None:
    """The power cut comes when both nodes have worked. At Ray's default timings as well."""
    from pipeline.cluster import RayPool

    machines = cluster()
    memory = {"object_store_memory": 100 * MIB}
    machines.add_node(num_cpus=1, **memory)
    doomed = machines.add_node(num_cpus=1, **memory)
    seen: list[Event] = []

    def cut() -> None:
        until(lambda: {"step 0 5", "step 2 5"} <= set(lines(journal)))
        machines.remove_node(doomed, allow_graceful=False)

    killer = threading.Thread(target=cut)
    killer.start()
    plan = chain(Steps(steps=30, seconds=0.1, journal=journal))
    with RayPool(store, address=machines.address) as pool:
        report = run(plan, store, pool, seen.append)
    killer.join()
    assert report.ok, report.failures
    assert len([e for e in seen if isinstance(e, WorkLost)]) >= 1
    assert any(isinstance(e, WorkProgress) and e.node == "mapped" for e in seen)
    counted = collections.Counter(lines(journal))
    assert set(counted) == {f"step {p} {s}" for p in (0, 2, 4, 6) for s in range(30)}
    # A step may be noted, and the power go before its state is renamed into place.
    assert sum(counted.values()) <= 4 * 30 + 1
