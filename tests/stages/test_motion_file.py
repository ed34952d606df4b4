"""Motion files: there and back, and nothing else is taken for one."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from pipeline.failure import InputError, UsageError
from stages.direction_file import write_direction
from stages.face_motion import MEASURES
from stages.motion_file import (
    HEADER,
    MotionHeader,
    Moves,
    check_generator,
    open_motion,
    read_motion,
    read_motion_header,
    write_motion,
)
from tests.stages.test_direction_file import AGE, unit

TALK = MotionHeader(
    generator="tiny",
    rows=(0, 1, 4),
    style_dim=16,
    measures=tuple(MEASURES),
    smoothing=0.02,
    made_by="a test",
)


def talk(frames: int = 6, header: MotionHeader = TALK) -> Moves:
    random = np.random.default_rng(0)
    codes = random.normal(size=(frames, len(header.rows), header.style_dim)).astype(np.float32)
    seconds = 0.04 * np.arange(frames)
    measures = random.normal(size=(frames, len(header.measures))).astype(np.float32)
    return Moves(header, seconds, codes - codes[:1], measures)


def test_a_motion_comes_back_as_it_was(tmp_path: Path) -> None:
    written = write_motion(tmp_path / "talk.safetensors", talk())
    found = read_motion(written.file)
    assert found.header == TALK == read_motion_header(written.file)
    for name in ("seconds", "codes", "measures"):
        np.testing.assert_array_equal(getattr(found, name), getattr(talk(), name))
    assert open_motion(written.file) == written
    assert written.identity() == written.sha256


def test_rows_and_measures_are_found_by_name() -> None:
    moves = talk()
    on = moves.on((1, 2, 4))
    np.testing.assert_array_equal(on[:, [0, 2]], moves.codes[:, 1:])
    assert not on[:, 1].any()
    np.testing.assert_array_equal(moves.measure("yaw"), moves.measures[:, 2])


def test_another_generators_motion_is_refused() -> None:
    with pytest.raises(UsageError, match=r"talk\.safetensors belongs to the generator tiny; this"):
        check_generator(TALK, "stylegan3", "talk.safetensors")


def test_what_is_no_motion_file_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pickled, other, text = (tmp_path / f"{n}.safetensors" for n in ("pickle", "age", "text"))
    pickled.write_bytes(pickle.dumps({"codes": 1}))
    write_direction(other, AGE, unit())
    text.write_text("not at all")
    for path in (pickled, other, text, tmp_path / "gone.safetensors"):
        with pytest.raises(InputError, match="is not a motion file") as told:
            read_motion_header(path)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"codes": np.zeros((6, 2, 16), np.float32)},
        {"measures": np.zeros((5, 3), np.float32)},
        {"seconds": np.zeros(6)},
        {"seconds": 1 + np.arange(6.0)},
        {"codes": np.full((6, 3, 16), np.nan, np.float32)},
    ],
)
def test_tensors_that_do_not_fit_are_refused(tmp_path: Path, wrong: dict[str, np.ndarray]) -> None:
    moves = talk()
    tensors = {"seconds": moves.seconds, "codes": moves.codes, "measures": moves.measures}
    path = tmp_path / "wrong.safetensors"
    save_file(tensors | wrong, path, {HEADER: TALK.model_dump_json()})
    with pytest.raises(InputError, match="is not a motion file"):
        read_motion(path)


def test_one_frame_is_no_motion(tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    two = talk(2)
    tensors = {n: getattr(two, n)[:1] for n in ("seconds", "codes", "measures")}
    save_file(tensors, path, {HEADER: TALK.model_dump_json()})
    with pytest.raises(InputError, match="is not a motion file"):
        open_motion(path)
