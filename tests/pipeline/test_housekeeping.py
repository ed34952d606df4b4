"""What a store holds, what of it goes, and damage that is found."""

import json
import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.__main__ import app
from pipeline.failure import UsageError
from pipeline.housekeeping import damaged, kept, sweep
from pipeline.local import LocalPool
from pipeline.receipt import Receipt
from pipeline.schedule import run
from pipeline.store import DAY, Store
from tests.pipeline.toy_plans import whole


@pytest.fixture
def filled(store: Store) -> Store:
    assert run(whole(), store, LocalPool(store)).ok
    return store


def age(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_everything_in_it_is_listed(filled: Store) -> None:
    found = list(kept(filled))
    stages = [each.stage for each in found]
    assert (stages.count("Split"), stages.count("Multiply"), stages.count("Total")) == (5, 4, 1)
    on_disk = sum(p.stat().st_size for p in filled.root.rglob("artifacts/**/*") if p.is_file())
    assert sum(each.bytes for each in found) == on_disk


def test_a_damaged_result_is_found_discarded_and_made_again(filled: Store) -> None:
    assert damaged(filled) == []
    victim = next(each.key for each in kept(filled) if each.stage == "Smooth")
    path = filled.folder(victim) / "values.npy"
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)
    assert damaged(filled) == [victim]
    report = run(whole(), filled, LocalPool(filled))
    assert report.nodes["smooth"].done == 1 and report.nodes["smooth"].reused == 3


def test_only_what_was_left_behind_goes_unless_age_is_named(filled: Store) -> None:
    (filled.root / "staging" / "old").mkdir()
    age(filled.root / "staging" / "old", 2 * DAY)
    (filled.root / "staging" / "new").mkdir()
    age(filled.scratch("abandoned"), 2 * DAY)
    filled.scratch("fresh")
    torn = filled.folder("ab" * 32)
    torn.mkdir(parents=True)
    Receipt(target=filled.root / "gone.mp4", made_of="x", sha256="y").keep(filled.root)
    count = len(list(kept(filled)))
    would = sweep(filled, dry_run=True)
    assert (would.results, would.unfinished, would.receipts) == (1, 2, 1)
    assert torn.exists()
    assert sweep(filled) == would
    assert sweep(filled).results == sweep(filled).unfinished == 0
    assert len(list(kept(filled))) == count
    assert (filled.root / "scratch" / "fresh").exists()
    assert sweep(filled, older=3600).results == 0
    assert sweep(filled, older=0).results == count
    assert list(kept(filled)) == []


def test_old_results_stay_while_somebody_works(filled: Store) -> None:
    filled.scratch("held")
    with filled.lock("held"), pytest.raises(UsageError, match="1 pieces of work are being done"):
        sweep(filled, older=0)
    assert sweep(filled, older=0).results > 0


def test_the_command_line_lists_verifies_and_removes(filled: Store) -> None:
    def call(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["store", *words, "--work-dir", str(filled.root)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout

    code, out = call("ls")
    assert code == 0 and {line.split()[0] for line in out.splitlines()} >= {"Split", "Total"}
    code, out = call("ls", "Total")
    (line,) = out.splitlines()
    key = line.split()[0]
    assert line.split()[-1] == "total"
    assert len(json.loads(call("ls", "--json")[1])) == len(list(kept(filled)))
    assert call("verify") == (0, "")
    (filled.folder(key) / "values.npy").write_bytes(b"x" * 136)
    assert call("verify") == (9, f"{key}\n")
    code, out = call("gc", "--older", "0", "--dry-run")
    assert code == 0 and out.startswith("would remove ")
