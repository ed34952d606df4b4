import multiprocessing
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.artifact import Ref
from pipeline.store import Missing, Provenance, Store
from tests.pipeline.test_artifact import everything
from tests.pipeline.toy_artifacts import Everything, Numbers, Scale, Source

KEY = "ab" * 32
MADE = Provenance("node", "Toy", 1, {"x": 1}, {"a": "k"}, {"numpy": "2"}, seconds=1.5)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def numbers(*values: float) -> Numbers:
    return Numbers(np.array(values, np.float64))


def test_what_is_published_can_be_had(store: Store) -> None:
    assert not store.has(KEY)
    with pytest.raises(Missing, match="no whole Numbers"):
        store.get(KEY, Numbers)
    store.publish(KEY, numbers(1, 2), MADE)
    assert store.has(KEY)
    np.testing.assert_array_equal(store.get(KEY, Numbers).values, [1, 2])
    assert not list((store.root / "staging").iterdir())


def test_the_folder_explains_itself(store: Store) -> None:
    store.publish(KEY, numbers(1), MADE)
    done = store.record(KEY)
    assert done is not None
    assert done.provenance.settings == {"x": 1}
    assert done.provenance.seconds == 1.5
    assert done.provenance.host
    assert done.artifact.endswith("Numbers")
    assert set(done.files) == {"fields.json", "values.npy"}


def test_the_root_is_private(store: Store) -> None:
    assert store.root.stat().st_mode & 0o777 == 0o700


def test_the_stored_class_is_found_below_the_one_asked_for(store: Store) -> None:
    store.publish(KEY, Scale(2.0), MADE)
    with pytest.raises(TypeError, match="which is no Numbers"):
        store.get(KEY, Numbers)


def test_given_artifacts_are_not_stored(store: Store) -> None:
    source = Source(Path("x"), "d")
    assert store.load(Ref.to(source)) is source


def test_the_loser_of_a_race_leaves_the_winners_copy(store: Store) -> None:
    store.publish(KEY, numbers(1), MADE)
    store.publish(KEY, numbers(2), MADE)
    np.testing.assert_array_equal(store.get(KEY, Numbers).values, [1])
    assert not list((store.root / "staging").iterdir())


@pytest.mark.parametrize("damage", ["gone", "short", "record"])
def test_a_partial_artifact_is_absent_and_can_be_published_again(store: Store, damage: str) -> None:
    store.publish(KEY, numbers(1, 2, 3), MADE)
    folder = store.folder(KEY)
    if damage == "gone":
        (folder / "values.npy").unlink()
    elif damage == "short":
        os.truncate(folder / "values.npy", 10)
    else:
        (folder / "done.json").write_text('{"artifact": ')
    assert not store.has(KEY)
    store.publish(KEY, numbers(4), MADE)
    np.testing.assert_array_equal(store.get(KEY, Numbers).values, [4])


def test_verify_discards_what_was_altered(store: Store) -> None:
    store.publish(KEY, numbers(1, 2, 3), MADE)
    assert store.verify(KEY)
    path = store.folder(KEY) / "values.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert store.has(KEY), "the size alone does not tell"
    assert not store.verify(KEY)
    assert not store.has(KEY)


def test_a_list_is_finished_when_all_of_it_is_there(store: Store) -> None:
    elements = (f"{KEY}-0000", f"{KEY}-0001")
    for element in elements:
        store.publish(element, numbers(1), MADE)
    assert not store.has(KEY)
    store.publish_list(KEY, elements, MADE)
    assert store.has(KEY)
    assert store.elements(KEY) == elements
    store.discard(elements[1])
    assert not store.has(KEY)
    store.publish(elements[1], numbers(1), MADE)
    store.publish_list(KEY, elements, MADE)
    assert store.has(KEY)


def test_scratch_survives_until_it_is_cleared(store: Store) -> None:
    (store.scratch(KEY) / "state").write_text("step 3")
    assert (store.scratch(KEY) / "state").read_text() == "step 3"
    store.clear_scratch(KEY)
    assert not (store.root / "scratch" / KEY).exists()


def test_files_move_out_of_scratch(store: Store) -> None:
    made = store.scratch(KEY) / "out.mkv"
    made.write_bytes(b"video")
    store.publish(KEY, everything(made), MADE, scratch=store.scratch(KEY))
    assert not made.exists()
    kept = store.get(KEY, Everything).file
    assert kept == store.folder(KEY) / "file.mkv"
    assert kept.read_bytes() == b"video"


def test_what_a_killed_run_left_is_swept(store: Store) -> None:
    left, fresh = store.root / "staging" / "left", store.root / "staging" / "fresh"
    for folder in (left, fresh):
        folder.mkdir()
        (folder / "values.npy").touch()
    os.utime(left, (0, 0))
    store.sweep()
    assert not left.exists() and fresh.exists()


def test_a_lock_keeps_others_out_and_leaves_nothing(store: Store) -> None:
    order: list[str] = []

    def second() -> None:
        with store.lock(KEY):
            order.append("second")

    with store.lock(KEY):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.05)
        order.append("first")
    thread.join(5)
    assert order == ["first", "second"]
    assert not list((store.root / "locks").iterdir())


def _hold(root: Path, held: str) -> None:
    with Store(root).lock(KEY):
        Path(held).touch()
        time.sleep(60)


def test_a_lock_ends_with_its_holder(store: Store, tmp_path: Path) -> None:
    held = tmp_path / "held"
    holder = multiprocessing.get_context("spawn").Process(
        target=_hold, args=(store.root, str(held))
    )
    holder.start()
    while not held.exists():
        time.sleep(0.01)
    holder.kill()
    with store.lock(KEY):
        pass
    holder.join()
