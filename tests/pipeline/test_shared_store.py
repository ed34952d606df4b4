"""Results shared through an object store: two machines are two local folders over one URL."""

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import fsspec
import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline import lease, schedule, shared_store
from pipeline.__main__ import app
from pipeline.bucket import Bucket
from pipeline.failure import UsageError
from pipeline.housekeeping import damaged, kept, sweep
from pipeline.local import LocalPool
from pipeline.pool import Outcome
from pipeline.remote import RemoteWorker
from pipeline.restart import forget
from pipeline.shared_store import SharedStore, open_store
from pipeline.stage import Stage
from pipeline.store import DAY, DONE, Missing, Store
from pipeline.watch import Watch
from pipeline.work import Work
from tests.pipeline.object_store import ObjectStore, age, objects
from tests.pipeline.test_artifact import everything
from tests.pipeline.test_store import KEY, MADE, numbers
from tests.pipeline.toy_artifacts import Everything, Numbers
from tests.pipeline.toy_plans import whole

OTHER = "cd" * 32


@pytest.fixture
def here(tmp_path: Path, url: str) -> SharedStore:
    return SharedStore(tmp_path / "here", url)


@pytest.fixture
def there(tmp_path: Path, url: str) -> SharedStore:
    return SharedStore(tmp_path / "there", url)


def test_what_one_publishes_the_other_has(
    here: SharedStore, there: SharedStore, tmp_path: Path
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"pictures")
    here.publish(KEY, everything(clip), MADE)
    assert there.has(KEY) and not there.folder(KEY).exists(), "nothing is fetched to be known"
    done = there.record(KEY)
    assert done is not None and done.provenance.settings == {"x": 1}
    there.get(KEY, Everything)
    assert there.folder(KEY).is_dir(), "the local folder is a cache"
    for name in done.files:
        assert (there.folder(KEY) / name).read_bytes() == (here.folder(KEY) / name).read_bytes()


def test_a_list_is_had_with_its_elements(here: SharedStore, there: SharedStore) -> None:
    here.publish(OTHER, numbers(1, 2), MADE)
    here.publish_list(KEY, (OTHER,), MADE)
    assert there.has(KEY) and there.elements(KEY) == (OTHER,)
    np.testing.assert_array_equal(there.get(OTHER, Numbers).values, [1, 2])


def test_the_marker_comes_last_and_a_half_written_attempt_counts_for_nothing(
    here: SharedStore, there: SharedStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(self: Bucket, path: str, data: bytes) -> bool:
        assert any(name.endswith("values.npy") for name in objects(url))
        raise ConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "create", break_off)
        with pytest.raises(ConnectionError):
            here.publish(KEY, numbers(1), MADE)
    assert objects(url) and not there.has(KEY)
    there.publish(KEY, numbers(1), MADE)
    np.testing.assert_array_equal(there.get(KEY, Numbers).values, [1])


def test_the_first_marker_stays_and_the_second_attempt_goes(
    here: SharedStore, there: SharedStore, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two that did the same work at once: both are done, and one copy is kept."""
    first = here._marker

    def late(key: str) -> object:
        monkeypatch.setattr(here, "_marker", first)
        there.publish(key, numbers(2), MADE)  # between our look and our marker
        return None

    monkeypatch.setattr(here, "_marker", late)
    Store.publish(here, KEY, numbers(1), MADE)
    assert len([name for name in objects(url) if name.endswith("values.npy")]) == 1
    third = SharedStore(here.root.parent / "third", url)
    np.testing.assert_array_equal(third.get(KEY, Numbers).values, [2])


@pytest.mark.parametrize("written", [True, False])
def test_an_answer_that_was_lost_is_looked_up(
    here: SharedStore,
    there: SharedStore,
    monkeypatch: pytest.MonkeyPatch,
    written: bool,
) -> None:
    whole_write = ObjectStore.pipe_file

    def lose(self: ObjectStore, path: str, value: bytes, mode: str = "overwrite", **_: Any) -> None:
        if written or mode != "create":
            whole_write(self, path, value, mode=mode)
        if mode == "create":
            raise TimeoutError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(ObjectStore, "pipe_file", lose)
        if written:
            here.publish(KEY, numbers(1), MADE)
        else:
            with pytest.raises(TimeoutError):
                here.publish(KEY, numbers(1), MADE)
    assert there.has(KEY) == written
    if written:
        np.testing.assert_array_equal(there.get(KEY, Numbers).values, [1])


def test_a_damaged_object_is_not_taken_for_whole(
    here: SharedStore, there: SharedStore, url: str
) -> None:
    here.publish(KEY, numbers(1), MADE)
    files, top = fsspec.core.url_to_fs(url)
    (path,) = [f"{top}/{name}" for name in objects(url) if name.endswith("values.npy")]
    files.pipe_file(path, b"x" * files.size(path))
    with pytest.raises(Missing, match=r"values\.npy .* was damaged; run again"):
        there.get(KEY, Numbers)
    assert not there.has(KEY) and not there.folder(KEY).exists()
    assert here.has(KEY), "who made it has its own"


@pytest.mark.parametrize("name", ["../../evil", "/etc/evil", "a/../../evil"])
def test_a_marker_does_not_write_elsewhere(
    there: SharedStore, here: SharedStore, url: str, name: str, tmp_path: Path
) -> None:
    here.publish(KEY, numbers(1), MADE)
    files, top = fsspec.core.url_to_fs(url)
    path = f"{top}/artifacts/{KEY[:2]}/{KEY}/{DONE}"
    marker = json.loads(files.cat_file(path))
    marker["record"]["files"][name] = {"bytes": 1, "sha256": "0" * 64}
    files.pipe_file(path, json.dumps(marker).encode())
    with pytest.raises(Missing):
        there.get(KEY, Numbers)
    assert not list(tmp_path.rglob("evil"))


def test_an_artifact_without_end_is_not_fetched(
    here: SharedStore, there: SharedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.publish(KEY, numbers(1), MADE)
    monkeypatch.setattr(shared_store, "BYTES", 10)
    with pytest.raises(Missing, match="larger than is fetched"):
        there.get(KEY, Numbers)


def test_two_runs_over_one_shared_store_do_each_work_once(
    here: SharedStore, there: SharedStore, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "BEAT", 0.05)

    reports: dict[str, Any] = {}

    def go(name: str, store: SharedStore) -> None:
        with LocalPool(store) as pool:
            reports[name] = schedule.run(whole(journal), store, pool)

    threads = [threading.Thread(target=go, args=each) for each in (("a", here), ("b", there))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reports["a"].ok and reports["b"].ok
    # Both may load a stage; what it makes is made once.
    lines = [x for x in journal.read_text().splitlines() if not x.endswith(".load")]
    assert len(lines) == len(set(lines)), "nothing was done twice"
    (total,) = reports["a"].refs["total"]
    assert total is not None and reports["b"].refs["total"] == (total,)


def test_a_folder_serves_as_well(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared/results"
    here, there = (SharedStore(tmp_path / name, url) for name in ("here", "there"))
    with here.lock(KEY):
        here.publish(KEY, numbers(1, 2), MADE)
    np.testing.assert_array_equal(there.get(KEY, Numbers).values, [1, 2])
    left = [p for p in (tmp_path / "shared").rglob("*") if p.is_file()]
    assert {p.name for p in left} == {"fields.json", "values.npy", DONE}


def test_without_a_url_the_store_is_the_folder(tmp_path: Path) -> None:
    assert type(open_store(tmp_path, None)) is Store


class Board:
    """Stands in for the driver's."""

    note: ClassVar[Any] = SimpleNamespace(remote=lambda *_: None)


class Elsewhere:
    """A pool of one worker that lives on another machine: only the URL is common."""

    def __init__(self, root: Path, url: str) -> None:
        self.worker = RemoteWorker(str(root), url, "cpu", Board())
        self.waiting: list[Work] = []

    def expect(self, stages: Iterable[Stage]) -> None: ...

    def submit(self, work: Work, depth: int) -> None:
        self.waiting.append(work)

    def next(self, watch: Watch) -> Outcome:
        work = self.waiting.pop(0)
        return Outcome(work, self.worker.do(work, 1))

    def close(self) -> None: ...


def test_a_worker_on_a_machine_of_its_own_needs_only_the_url(
    here: SharedStore, url: str, tmp_path: Path
) -> None:
    pool = Elsewhere(tmp_path / "node", url)
    report = schedule.run(whole(), here, pool)
    assert report.ok
    (total,) = report.refs["total"]
    assert total is not None and not here.folder(total.key).exists()
    alone = Store(tmp_path / "alone")
    with LocalPool(alone) as local:
        (wanted,) = schedule.run(whole(), alone, local).refs["total"]
    assert wanted is not None
    found = here.get(total.key, Numbers).values
    np.testing.assert_array_equal(found, alone.get(wanted.key, Numbers).values)


def test_what_is_only_there_is_listed_and_verified(
    here: SharedStore, there: SharedStore, url: str
) -> None:
    here.publish(KEY, numbers(1), MADE)
    (one,) = kept(there)
    assert (one.key, one.node) == (KEY, MADE.node) and one.bytes > 0
    assert damaged(there) == []
    files, top = fsspec.core.url_to_fs(url)
    (path,) = [f"{top}/{name}" for name in objects(url) if name.endswith("values.npy")]
    files.pipe_file(path, b"x" * files.size(path))
    assert damaged(there) == [KEY] and damaged(there) == []
    assert objects(url) == [] and here.has(KEY), "who made it has its own"


def test_old_results_go_from_both(here: SharedStore, there: SharedStore, url: str) -> None:
    here.publish(KEY, numbers(1), MADE)
    there.get(KEY, Numbers)
    assert sweep(there, older=3600).results == 0
    assert sweep(there, older=0, dry_run=True).results == 1 and objects(url)
    assert sweep(there, older=0).results == 1
    assert objects(url) == [] and not there.folder(KEY).exists()


def test_only_attempts_that_nobody_is_at_are_swept(
    here: SharedStore, there: SharedStore, url: str
) -> None:
    here.publish(KEY, numbers(1), MADE)
    files, top = fsspec.core.url_to_fs(url)
    for key in (KEY, OTHER):
        files.pipe_file(f"{top}/artifacts/{key[:2]}/{key}/dead/values.npy", b"half")
    files.pipe_file(f"{top}/leases/{KEY}/3.json", b"gone")
    assert sweep(there).unfinished == 0, "they may be under way"
    age(url, 2 * DAY)
    files.pipe_file(f"{top}/artifacts/{OTHER[:2]}/{OTHER}/alive/values.npy", b"half")
    would = sweep(there, dry_run=True)
    assert (would.unfinished, would.bytes, would.results) == (3, 8, 0)
    assert sweep(there) == would and sweep(there).unfinished == 0
    assert there.has(KEY)
    left = [name for name in objects(url) if OTHER in name or "leases" in name]
    assert [name.split("/")[-2] for name in left] == ["alive"]


def test_results_stay_while_another_machine_works(
    here: SharedStore, there: SharedStore, url: str
) -> None:
    here.publish(OTHER, numbers(1), MADE)
    with here.lock(KEY):
        assert there.busy() == {KEY}
        with pytest.raises(UsageError, match="1 pieces of work are being done in objects://"):
            sweep(there, older=0)
    Bucket(url).write(f"leases/{KEY}/0.json", b"its machine is gone")
    age(url, 2 * lease.SILENT, "leases")
    assert there.busy() == set(), "it shows no sign of life"
    assert sweep(there, older=0).results == 1


def test_starting_over_forgets_what_is_there(here: SharedStore, there: SharedStore) -> None:
    made = replace(MADE, inputs={"clip": "1" * 64})
    here.publish(KEY, numbers(1), made)
    here.publish(OTHER, numbers(1), replace(MADE, inputs={"faces": KEY}))
    assert forget(there, "1" * 64) == 2
    assert not there.has(KEY) and not there.has(OTHER)


def test_what_was_removed_there_is_given_again(
    here: SharedStore, there: SharedStore, tmp_path: Path
) -> None:
    """A run goes on where its results are; workers elsewhere have to find them."""
    with LocalPool(here) as pool:
        assert schedule.run(whole(), here, pool).ok
    for key in list(there.known()):
        there.remove(key)
    again = SharedStore(here.root, here.url)
    with LocalPool(again) as pool:
        report = schedule.run(whole(), again, pool)
    assert report.ok and all(node.done == 0 for node in report.nodes.values())
    assert set(SharedStore(tmp_path / "third", here.url).known()) == set(here.known())


def test_what_is_made_anew_is_given_although_it_was_there_before(
    here: SharedStore, there: SharedStore
) -> None:
    here.publish(KEY, numbers(1), MADE)
    here.share(KEY)
    there.remove(KEY)
    here.discard(KEY)
    here.publish(KEY, numbers(1), MADE)
    assert there.has(KEY)


def test_a_local_copy_without_a_file_is_discarded_and_the_other_stays(
    here: SharedStore, there: SharedStore
) -> None:
    here.publish(KEY, numbers(1), MADE)
    (here.folder(KEY) / "values.npy").unlink()
    assert damaged(here) == [KEY] and not here.folder(KEY).exists()
    np.testing.assert_array_equal(here.get(KEY, Numbers).values, [1])


def test_a_marker_that_cannot_be_read_does_not_stay_in_the_way(
    here: SharedStore, there: SharedStore, url: str
) -> None:
    files, top = fsspec.core.url_to_fs(url)
    files.pipe_file(f"{top}/artifacts/{KEY[:2]}/{KEY}/{DONE}", b"{")
    here.publish(KEY, numbers(1), MADE)
    assert not there.has(KEY)
    assert damaged(here) == [KEY]
    here.share(KEY)
    assert there.has(KEY)


def test_what_was_published_anew_meanwhile_is_not_removed(
    here: SharedStore, there: SharedStore
) -> None:
    here.publish(KEY, numbers(1), MADE)
    seen = there._marker(KEY)
    assert seen is not None
    there.remove(KEY)
    here._offer(KEY)
    there._remove_there(KEY, seen)
    np.testing.assert_array_equal(there.get(KEY, Numbers).values, [1])


def test_the_store_command_looks_there_as_well(here: SharedStore, there: SharedStore) -> None:
    here.publish(KEY, numbers(1), MADE)
    words = ["--work-dir", str(there.root), "--store", there.url]
    shown = CliRunner().invoke(app, ["store", "ls", *words])
    assert shown.exit_code == 0 and " 1 " in shown.stdout, shown.output
    gone = CliRunner().invoke(app, ["store", "gc", "--older", "0", *words])
    assert gone.exit_code == 0 and gone.stdout.startswith("removed 1 results"), gone.output
    assert not there.has(KEY)
