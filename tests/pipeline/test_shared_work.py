"""Plans laid side by side in one: what is equal is done once, and fails once."""

from collections import Counter
from pathlib import Path

import pytest

from pipeline.batch_show import BatchShow, split
from pipeline.local import LocalPool
from pipeline.plan import Plan, WiringError
from pipeline.receipt import fingerprint
from pipeline.report import Report
from pipeline.schedule import run
from pipeline.store import Store
from pipeline.watch import Event, JobSettled, WorkFinished, WorkLost, WorkStarted
from tests.pipeline.toy_plans import whole
from tests.pipeline.toy_stages import Poison


def side_by_side(*plans: Plan) -> Plan:
    plan = Plan()
    for number, each in enumerate(plans, 1):
        plan.include(f"{number:04d}.", each)
    return plan


def told(plan: Plan, store: Store) -> tuple[Report, list[Event]]:
    seen: list[Event] = []
    with LocalPool(store) as pool:
        return run(plan, store, pool, seen.append), seen


def test_equal_work_in_flight_is_given_to_the_pool_once(store: Store, journal: Path) -> None:
    plan = side_by_side(*[whole(journal, plus=plus) for plus in (0.0, 0.0, 1.0)])
    report, seen = told(plan, store)
    assert report.ok, report.failures
    ran = Counter(line.split()[0] for line in journal.read_text().splitlines())
    assert (ran["Read"], ran["Fit"], ran["Split"]) == (1, 1, 4)
    assert (ran["Multiply"], ran["Smooth"], ran["Total"]) == (8, 8, 2)
    apart, shared = report.nodes["0003.total"], report.nodes["0002.total"]
    assert (apart.done, shared.reused) == (1, 1)
    results = [report.refs[f"000{n}.total"][0] for n in (1, 2, 3)]
    assert results[0] == results[1] != results[2]
    fresh = [e.key for e in seen if isinstance(e, WorkFinished) and not e.reused]
    begun = [e.key for e in seen if isinstance(e, WorkStarted)]
    assert sorted(fresh) == sorted(begun) == sorted(set(begun))


def test_a_bug_that_plans_share_is_met_once_and_named_in_each(store: Store, journal: Path) -> None:
    bad = Poison(at=4.0, journal=journal)
    report, _ = told(side_by_side(*[whole(poison=bad, plus=p) for p in (0.0, 1.0)]), store)
    assert journal.read_text().splitlines().count("Poison 4") == 1
    causes = [(f.node, f.index) for f in report.failures if f.kind == "stage"]
    assert sorted(causes) == [("0001.safe", 2), ("0002.safe", 2)]
    assert report.refs["0001.total"] == report.refs["0002.total"] == (None,)


def test_a_plan_is_included_under_names_of_its_own() -> None:
    plan, other = Plan(), whole()
    ours = plan.include("a.", other)
    assert list(plan.nodes) == [f"a.{name}" for name in other.nodes]
    assert ours["total"].depth == other.nodes["total"].depth
    with pytest.raises(WiringError, match="taken"):
        plan.include("a.", other)


def test_a_fingerprint_changes_with_what_decides_the_result() -> None:
    same = fingerprint(whole())
    assert fingerprint(whole()) == same
    assert fingerprint(whole(Path("elsewhere"))) == same, "excluded from the key"
    others = [whole(plus=1.0), whole(numbers=9), whole(poison=Poison(at=3.0))]
    assert len({same, *map(fingerprint, others)}) == 4


def test_progress_adds_up_the_same_stage_of_all_jobs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert split("0012.inverted") == (12, "inverted")
    show = BatchShow(2, live=False, clock=lambda: 0.0)
    show(WorkStarted("0001.read", None))
    show(WorkStarted("0002.read", None))
    show(WorkFinished("0001.read", None, 1.0, False))
    show(WorkLost("0002.read", 3, 1, "killed for memory"))
    show(WorkStarted("0002.read", None, 2))
    show(JobSettled(1, "a.mp4", "out.mp4", 0, None))
    assert show.line().startswith("1 of 2 jobs settled: read")
    show(JobSettled(2, "b.mp4", None, 3, "b.mp4 is truncated."))
    err = capsys.readouterr().err
    assert "job 2, read[3]: its worker was lost in attempt 1 (killed for memory)." in err
    assert "job 2, b.mp4: b.mp4 is truncated." in err
    assert "2 of 2 jobs settled, 1 failed" in show.line()
