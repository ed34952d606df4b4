import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.artifact import Ref
from pipeline.failure import Failure, InputError
from pipeline.output import SPARE
from pipeline.stage import Context, Stage
from pipeline.store import Store
from pipeline.work import Given, Work, work
from pipeline.worker import KEEP, Done, Worker
from tests.pipeline.toy_artifacts import Numbers, Scale, Source
from tests.pipeline.toy_stages import Fit, Multiply, Poison, Read, Split, Steps, Where


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def worker(store: Store) -> Worker:
    return Worker(store)


SOURCE = Ref.to(Source(Path("x"), "abcd"))


def job(stage: Stage, many: bool = False, **inputs: Given) -> Work:
    return work("node", None, stage, inputs, many)


def done(result: Done | Failure) -> Done:
    assert isinstance(result, Done), result
    return result


def numbers(worker: Worker) -> Ref:
    return Ref(done(worker.do(job(Read(), source=SOURCE))).keys[0], Numbers)


def scale(worker: Worker, factor: float) -> Ref:
    return Ref(done(worker.do(job(Constant(factor=factor), source=SOURCE))).keys[0], Scale)


class Constant(Stage):
    factor: float

    def run(self, source: Source) -> Scale:
        return Scale(self.factor)


class Liar(Stage):
    def run(self, source: Source) -> Numbers:
        return Scale(1.0)  # type: ignore[return-value]


class Interrupted(Stage):
    def run(self, source: Source) -> Numbers:
        raise KeyboardInterrupt


class WritesInput(Stage):
    def run(self, numbers: Numbers) -> Numbers:
        numbers.values[0] = 1
        return numbers


class Keeps(Stage):
    """Writes a big file into scratch for each element."""

    def run(self, source: Source, context: Context) -> Iterator[Numbers]:
        for i in range(3):
            self_made = sorted(p.name for p in context.scratch.iterdir())
            (context.scratch / f"{i}").touch()
            assert self_made == [f"{j}" for j in range(i)]
            yield Numbers(np.full(1, float(i)))


def test_a_work_is_done_once(worker: Worker, store: Store) -> None:
    first = done(worker.do(job(Read(), source=SOURCE)))
    assert not first.reused and first.seconds > 0 and first.peak_rss > 10**6
    again = done(worker.do(job(Read(), source=SOURCE)))
    assert again.reused and again.keys == first.keys and again.seconds == first.seconds
    np.testing.assert_array_equal(store.get(first.keys[0], Numbers).values, [0, 1, 2, 3])


def test_the_result_says_how_it_came_to_be(worker: Worker, store: Store) -> None:
    read = numbers(worker)
    result = done(worker.do(job(Split(size=3), many=True, numbers=read)))
    assert len(result.keys) == 2
    record = store.record(result.keys[1])
    assert record is not None
    made = record.provenance
    assert made.stage == "tests.pipeline.toy_stages.Split"
    assert (made.version, made.settings, made.index) == (1, {"size": 3}, 1)
    assert made.inputs == {"numbers": read.key}
    assert made.libraries["numpy"]


def test_elements_are_published_as_they_come(store: Store) -> None:
    worker = Worker(store)
    read = numbers(worker)
    counts: list[int] = []

    def progress(done: int, total: int) -> None:
        counts.append(len(list((store.root / "artifacts").glob("*/*-*"))))

    worker.do(job(Split(size=1), many=True, numbers=read), progress)
    assert counts == [0, 1, 2, 3]


def test_scratch_is_one_for_all_elements_and_then_gone(worker: Worker, store: Store) -> None:
    assert len(done(worker.do(job(Keeps(), many=True, source=SOURCE))).keys) == 3
    assert not list((store.root / "scratch").iterdir())


def test_a_retry_finds_its_scratch(worker: Worker, store: Store, tmp_path: Path) -> None:
    read = numbers(worker)
    one = job(Steps(steps=5, journal=tmp_path / "journal"), numbers=read)
    scratch = store.scratch(one.key)
    np.save(scratch / "state.npy", np.arange(4.0) + 3)
    worker.do(one)
    assert (tmp_path / "journal").read_text() == "step 0 3\nstep 0 4\n"
    assert not scratch.exists()


def test_the_last_few_loads_are_kept(worker: Worker, tmp_path: Path) -> None:
    read = numbers(worker)
    journal = tmp_path / "journal"

    def loads(factor: float, plus: float) -> int:
        journal.unlink(missing_ok=True)
        stage = Multiply(plus=plus, journal=journal)
        done(worker.do(job(stage, scale=scale(worker, factor), numbers=read)))
        return journal.read_text().count("load")

    assert loads(2.0, 0) == 1
    for factor in range(10, 10 + KEEP):
        assert loads(float(factor), 0) == 1
    other = Ref(done(worker.do(job(Poison(), numbers=read))).keys[0], Numbers)
    journal.unlink()
    worker.do(job(Multiply(journal=journal), scale=scale(worker, 12.0), numbers=other))
    assert "load" not in journal.read_text(), "the same weights, kept"
    journal.unlink()
    worker.do(job(Multiply(journal=journal), scale=scale(worker, 2.0), numbers=other))
    assert "load" in journal.read_text(), "let go long ago"


@pytest.mark.parametrize(
    ("stage", "code", "text"),
    [
        (Poison(at=0.0, how="bug"), 1, "KeyError: 'a bug'"),
        (Poison(at=0.0, how="input"), InputError.exit_code, "the piece cannot be read"),
        (Poison(at=0.0, how="memory"), 7, "disk or memory ran out: too much"),
        (WritesInput(), 1, "ValueError: assignment destination is read-only"),
    ],
)
def test_an_exception_comes_back_as_a_value(
    worker: Worker, store: Store, stage: Stage, code: int, text: str
) -> None:
    one = job(stage, numbers=numbers(worker))
    failure = worker.do(one)
    assert isinstance(failure, Failure)
    assert (failure.node, failure.kind, failure.exit_code, failure.text) == (
        "node",
        "stage",
        code,
        text,
    )
    assert "in run" in failure.traceback
    assert not store.has(one.key)
    assert not list((store.root / "staging").iterdir())


def test_the_result_must_be_what_was_announced(worker: Worker) -> None:
    failure = worker.do(job(Liar(), source=SOURCE))
    assert isinstance(failure, Failure)
    assert "gave a Scale, and is annotated to give Numbers" in failure.text


def test_an_interrupt_goes_through(worker: Worker, store: Store) -> None:
    with pytest.raises(KeyboardInterrupt):
        worker.do(job(Interrupted(), source=SOURCE))
    assert not list((store.root / "locks").iterdir())


def test_a_disk_that_became_full_is_told_of_before_the_work(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = done(worker.do(job(Read(), source=SOURCE)))
    nearly = SimpleNamespace(free=SPARE - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: nearly)
    journal = tmp_path / "journal"
    failure = worker.do(job(Fit(journal=journal), numbers=Ref(before.keys[0], Numbers)))
    assert isinstance(failure, Failure) and failure.exit_code == 7
    assert failure.text.startswith(f"The disk of {worker.store.root} has 67 MB free")
    assert not journal.exists()
    assert done(worker.do(job(Read(), source=SOURCE))).reused, "what is there needs no disk"


def test_a_missing_input_is_named(worker: Worker) -> None:
    failure = worker.do(job(Poison(), numbers=Ref("ab" * 32, Numbers)))
    assert isinstance(failure, Failure)
    assert "the store holds no whole Numbers abab" in failure.text


@pytest.mark.parametrize(("device", "seen"), [("cpu", "cpu"), ("cuda", "cuda")])
def test_a_stage_that_asks_gets_the_device(
    store: Store, tmp_path: Path, device: str, seen: str
) -> None:
    worker = Worker(store, device=device, threads=3)
    worker.do(job(Where(journal=tmp_path / "journal"), source=SOURCE))
    assert (tmp_path / "journal").read_text().startswith(f"{seen} 3 ")
