import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.local import LocalPool
from pipeline.plan import Each, Plan
from pipeline.report import Report
from pipeline.schedule import run
from pipeline.store import Store
from pipeline.watch import (
    Event,
    EventLog,
    NodeFinished,
    NodeStarted,
    WorkFinished,
    WorkProgress,
    WorkStarted,
)
from tests.pipeline.toy_artifacts import Numbers, Source
from tests.pipeline.toy_plans import chain, whole
from tests.pipeline.toy_stages import (
    PartialTotal,
    Poison,
    Read,
    Smooth,
    Split,
    Steps,
    Total,
    Where,
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal"


def local(plan: Plan, store: Store, **more: object) -> Report:
    with LocalPool(store) as pool:
        return run(plan, store, pool, **more)  # type: ignore[arg-type]


def lines(journal: Path) -> list[str]:
    """What ran since the last call."""
    text = journal.read_text() if journal.exists() else ""
    journal.unlink(missing_ok=True)
    return text.splitlines()


def total(report: Report, store: Store) -> float:
    result = report.load("total", store)
    assert isinstance(result, Numbers)
    return float(result.values[0])


def expected(numbers: int = 8, plus: float = 0.0) -> float:
    """The same by hand."""
    values = np.arange(float(numbers))
    pieces = [values[i : i + 2] * (values.mean() + 1) + plus for i in range(0, numbers, 2)]
    result = values.sum()
    for i, piece in enumerate(pieces):
        result += (piece + np.mean([p.mean() for p in pieces[max(i - 1, 0) : i + 2]])).sum()
    return float(result)


def test_a_plan_gives_what_its_arithmetic_gives(store: Store) -> None:
    report = local(whole(), store)
    assert report.ok and report.exit_code == 0
    assert total(report, store) == expected()
    assert len(report.refs["smooth"]) == 4
    assert not list((store.root / "scratch").iterdir())
    assert not list((store.root / "staging").iterdir())
    assert not list((store.root / "locks").iterdir())


def test_a_second_run_does_nothing(store: Store, journal: Path) -> None:
    local(whole(journal), store)
    assert len(lines(journal)) == 1 + 4 + 1 + 4 + 1 + 4 + 4 + 1
    report = local(whole(journal, source="elsewhere.mp4"), store)
    assert lines(journal) == []
    assert total(report, store) == expected()
    assert report.nodes["smooth"].reused == 4
    assert report.nodes["smooth"].saved > 0 and report.nodes["smooth"].seconds == 0


def test_a_changed_setting_redoes_only_its_cone(store: Store, journal: Path) -> None:
    local(whole(journal), store)
    lines(journal)
    report = local(whole(journal, plus=1.0), store)
    ran = lines(journal)
    assert {line.split()[0] for line in ran} == {"Multiply.load", "Multiply", "Smooth", "Total"}
    assert total(report, store) == expected(plus=1.0)


def test_weights_are_loaded_once(store: Store, journal: Path) -> None:
    local(whole(journal), store)
    assert lines(journal).count("Multiply.load") == 1


def test_the_deepest_goes_first(store: Store, journal: Path) -> None:
    """Each piece goes as far as it can before the next one starts."""
    plan = Plan()
    clip = plan.given("clip", Source(Path("x"), "abcdef"))
    pieces = plan.add("pieces", Split(), numbers=plan.add("read", Read(), source=clip))
    first = plan.add("first", Poison(journal=journal), numbers=Each(pieces))
    plan.add("second", Steps(steps=1, journal=journal), numbers=Each(first))
    local(plan, store)
    assert lines(journal) == [
        "Poison 0",
        "step 0 0",
        "Poison 2",
        "step 2 0",
        "Poison 4",
        "step 4 0",
    ]


def test_targets_limit_what_is_done(store: Store, journal: Path) -> None:
    report = local(whole(journal), store, targets=["weights"])
    assert lines(journal) == ["Read", "Fit"]
    assert set(report.refs) == {"clip", "read", "weights"}


@pytest.mark.parametrize(("how", "code"), [("bug", 1), ("input", 3), ("memory", 7)])
def test_a_failure_skips_its_descendants_and_no_others(
    store: Store, journal: Path, how: str, code: int
) -> None:
    report = local(whole(journal, poison=Poison(at=6.0, how=how, journal=journal)), store)
    assert not report.ok and report.exit_code == code
    first, *others = report.failures
    assert (first.node, first.index, first.kind) == ("safe", 3, "stage")
    assert "Traceback" in first.traceback
    assert {(f.node, f.index) for f in others} == {
        ("scaled", 3),
        ("smooth", 3),
        ("smooth", 2),
        ("total", None),
    }
    assert all(f.kind == "skipped" and "needs safe[3], which failed" in f.text for f in others)
    ran = lines(journal)
    assert sum(line.startswith("Multiply ") for line in ran) == 3
    assert sum(line.startswith("Smooth") for line in ran) == 2
    assert not any(line.startswith("Total") for line in ran)
    with pytest.raises(LookupError, match=r"no single result of 'total': needs safe\[3\]"):
        report.load("total", store)


def test_a_stage_may_accept_a_partial_list(store: Store, journal: Path) -> None:
    plan = whole(poison=Poison(at=6.0), total=PartialTotal(journal=journal))
    report = local(plan, store)
    assert lines(journal) == ["Total of 2"]
    assert not report.ok, "what is missing is still named"
    assert {f.node for f in report.failures} == {"safe", "scaled", "smooth"}


def test_a_failure_is_tried_again_by_the_next_run(store: Store, journal: Path) -> None:
    plan = chain(Poison(at=2.0, journal=journal))
    assert not local(plan, store).ok
    assert len(lines(journal)) == 4
    assert not local(plan, store).ok
    assert lines(journal) == ["Poison 2"]


def test_a_list_that_breaks_off_has_no_elements(store: Store, journal: Path) -> None:
    def plan(fail_at: int) -> Plan:
        plan = Plan()
        clip = plan.given("clip", Source(Path("x"), "abcdef"))
        read = plan.add("read", Read(), source=clip)
        pieces = plan.add("pieces", Split(fail_at=fail_at, journal=journal), numbers=read)
        mapped = plan.add("mapped", Poison(), numbers=Each(pieces))
        plan.add("total", Total(), parts=mapped)
        return plan

    report = local(plan(fail_at=2), store)
    assert [(f.node, f.index, f.kind) for f in report.failures] == [
        ("pieces", None, "stage"),
        ("mapped", None, "skipped"),
        ("total", None, "skipped"),
    ]
    assert report.refs["pieces"] == ()
    again = local(plan(fail_at=-1), store)
    assert again.ok and len(again.refs["pieces"]) == 3
    assert total(again, store) == 15


def test_an_empty_list_is_a_list(store: Store) -> None:
    report = local(whole(numbers=0), store, targets=["pieces", "safe"])
    assert report.ok and report.refs["safe"] == ()
    partial = local(chain(Poison(), numbers=0), store)
    assert total(partial, store) == 0


def test_lists_that_do_not_advance_together_fail(store: Store) -> None:
    plan = Plan()
    clip = plan.given("clip", Source(Path("x"), "abcdef"))
    read = plan.add("read", Read(), source=clip)
    twos = plan.add("twos", Split(size=2), numbers=read)
    threes = plan.add("threes", Split(size=3), numbers=read)
    plan.add(
        "smooth",
        Smooth(),
        numbers=Each(twos),
        before=Each(threes, offset=-1),
        after=Each(twos, offset=1),
    )
    report = local(plan, store)
    assert [f.text for f in report.failures] == [
        "these do not advance together, their lengths differ: {'twos': 3, 'threes': 2}"
    ]


def test_several_nodes_can_be_gathered(store: Store) -> None:
    plan = Plan()
    clip = plan.given("clip", Source(Path("x"), "abcd"))
    read = plan.add("read", Read(), source=clip)
    pieces = plan.add("pieces", Split(), numbers=read)
    plan.add("total", Total(), parts=(pieces, read))
    assert total(local(plan, store), store) == 12


def test_a_lost_element_is_made_again(store: Store, journal: Path) -> None:
    report = local(whole(journal), store)
    lines(journal)
    ref = report.refs["pieces"][1]
    assert ref is not None
    store.discard(ref.key)
    again = local(whole(journal), store)
    assert again.ok
    assert lines(journal) == [f"Split {i}" for i in range(4)]


def test_stages_get_the_device_they_ask_for(store: Store, journal: Path) -> None:
    plan = Plan()
    plan.add("where", Where(journal=journal), source=plan.given("x", Source(Path("x"), "a")))
    with LocalPool(store, device="cuda", threads=2) as pool:
        run(plan, store, pool)
    assert lines(journal)[0].startswith("cuda 2 ")


def test_events_tell_the_story(store: Store, tmp_path: Path) -> None:
    seen: list[Event] = []
    plan = chain(Steps(steps=3))
    local(plan, store, watch=seen.append, targets=["mapped"])
    assert seen[0] == NodeStarted("read", 1)
    started = [e for e in seen if isinstance(e, WorkStarted)]
    assert [e.index for e in started if e.node == "mapped"] == [0, 1, 2, 3]
    assert WorkProgress("mapped", 0, 3, 3) in seen
    done = [e for e in seen if isinstance(e, WorkFinished) and e.node == "mapped"]
    assert len(done) == 4 and all(e.peak_rss > 10**6 and not e.reused for e in done)
    ends = [e for e in seen if isinstance(e, NodeFinished)]
    assert [replace(e, seconds=0) for e in ends][-1] == NodeFinished("mapped", 4, 0, 0, 0)

    log = tmp_path / "events.jsonl"
    with EventLog(log) as watch:
        local(plan, store, watch=watch)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"event": "WorkFinished", "node": "mapped", "index": 0, "reused": True}.items() <= next(
        e for e in events if e["event"] == "WorkFinished" and e["node"] == "mapped"
    ).items()


STEPS_RUN = """
import sys
from pathlib import Path
from tests.pipeline.test_schedule import local
from tests.pipeline.toy_plans import chain
from tests.pipeline.toy_stages import Steps
from pipeline.store import Store
store, journal = Path(sys.argv[1]), Path(sys.argv[2])
local(chain(Steps(seconds=float(sys.argv[3]), journal=journal)), Store(store))
"""


def test_kill_and_resume_redoes_only_what_was_unfinished(
    store: Store, journal: Path, repository: Path
) -> None:
    """SIGKILL in the second of four works, at its fifth step."""
    command = [sys.executable, "-c", STEPS_RUN, str(store.root), str(journal), "0.02"]
    process = subprocess.Popen(command, cwd=repository, env=os.environ | {"PYTHONPATH": "."})
    deadline = time.monotonic() + 60
    while not (journal.exists() and "step 2 4" in journal.read_text()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = lines(journal)
    assert before[:20] == [f"step 0 {i}" for i in range(20)]

    report = local(chain(Steps(journal=journal)), store)
    after = lines(journal)
    assert not any(line.startswith("step 0 ") for line in after), "the finished work is not redone"
    # A step may be noted and its state not yet renamed into place when the kill comes.
    repeated = set(before) & set(after)
    assert repeated <= {before[-1]}
    assert sorted(set(before) | set(after)) == sorted(
        f"step {piece} {step}" for piece in (0, 2, 4, 6) for step in range(20)
    )
    undisturbed = Store(store.root.parent / "other")
    assert total(report, store) == total(local(chain(Steps()), undisturbed), undisturbed)
