"""Starting over forgets what came from one input, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import schedule
from pipeline.artifact import Artifact, Ref
from pipeline.local import LocalPool
from pipeline.plan import Each, Plan
from pipeline.restart import forget
from pipeline.stage import Stage
from pipeline.store import Store


@dataclass(frozen=True)
class Given(Artifact):
    name: str

    def identity(self) -> str:
        return self.name


@dataclass(frozen=True)
class Number(Artifact):
    value: int


class Split(Stage):
    def run(self, given: Given) -> Iterator[Number]:
        yield from (Number(i) for i in range(3))


class Double(Stage):
    def run(self, number: Number) -> Number:
        return Number(2 * number.value)


class Sum(Stage):
    def run(self, numbers: list[Number]) -> Number:
        return Number(sum(number.value for number in numbers))


def reused(store: Store, name: str) -> int:
    plan = Plan()
    given = plan.given("given", Given(name))
    parts = plan.add("parts", Split(), given=given)
    doubles = plan.add("doubles", Double(), number=Each(parts))
    plan.add("sum", Sum(), numbers=doubles)
    report = schedule.run(plan, store, LocalPool(store))
    assert report.ok, report.failures
    return sum(node.reused for node in report.nodes.values())


def test_forget(store_folder: Path) -> None:
    store = Store(store_folder)
    assert (reused(store, "a"), reused(store, "b")) == (0, 0)
    assert (reused(store, "a"), reused(store, "b")) == (5, 5)
    (store.scratch("0" * 64) / "state").write_text("unfinished")
    # The list, its three elements, their doubles, and the sum.
    assert forget(store, Ref.to(Given("a")).key) == 8
    assert not (store.root / "scratch" / ("0" * 64)).exists()
    assert (reused(store, "b"), reused(store, "a")) == (5, 0)
    assert forget(store, "1" * 64) == 0
