"""Latent editing consistency of what an inverter found."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import joint_inversion
from stages.bench_consistency import AddEditingConsistency, ShowEdited
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.direction_file import DirectionHeader, write_direction
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import AlignedFaces
from stages.inverters import interface
from stages.synthesised import moved
from tests.stages import tiny

SHAPE = tiny.SMALLER
FRAMES = 3


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (joint_inversion, interface):
        monkeypatch.setattr(module, "INVERSION_SIZE", 64)


@pytest.fixture
def direction(tmp_path: Path) -> Direction:
    header = DirectionHeader(
        name="age", generator="g", rows=(0, 1, 2), sigma=0.5, mean=0.0, correlation=0.9,
        made_by="a test", licence="ours",
    )  # fmt: skip
    vector = np.zeros(SHAPE.style_dim, np.float32)
    vector[3] = 1
    return write_direction(tmp_path / "age.safetensors", header, vector)


def run_of(codes: np.ndarray) -> InversionRun:
    images = np.zeros((len(codes), 64, 64, 3), np.uint8)
    none = np.zeros((len(codes), 0), np.float32)
    return InversionRun(1.0, 1.0, (2,) * (len(codes) // FRAMES), codes, images, none)


def test_the_edit_is_shown_window_by_window(direction: Direction) -> None:
    inverter = tiny.inverter(SHAPE)
    codes = tiny.codes(inverter, 2 * FRAMES)
    faces = [
        AlignedFaces(4, np.arange(k, k + FRAMES, dtype=np.int32), False,
                     np.zeros((FRAMES, 64, 64, 3), np.uint8))
        for k in (0, 3, 6)
    ]  # fmt: skip
    shown = list(ShowEdited().run(inverter, run_of(codes), faces, direction, Context(Path())))
    assert [(each.track, each.frame.tolist()) for each in shown] == [
        (4, [0, 1, 2]), (4, [3, 4, 5])
    ]  # fmt: skip
    edited = codes + 2 * moved(direction, SHAPE.rows)
    np.testing.assert_array_equal(shown[1].crops, interface.shown(inverter, edited[3:]))


def test_it_is_zero_when_the_edit_is_found_again_and_its_length_when_it_is_lost(
    direction: Direction,
) -> None:
    inverter = tiny.inverter(SHAPE)
    codes = tiny.codes(inverter, FRAMES)
    edit = np.float32(2) * moved(direction, SHAPE.rows)
    before = InversionFigures(FRAMES, 1, 2, 1.0, 1.0, ())

    def lec(again: np.ndarray) -> float:
        found = AddEditingConsistency().run(
            inverter, before, run_of(codes), run_of(again), direction, Context(Path())
        )
        (figure,) = found.figures
        assert figure.name == "lec" and figure.count == FRAMES and figure.value is not None
        return figure.value

    assert lec(codes + edit) == pytest.approx(0, abs=1e-5)
    acting = [row for row in (0, 1, 2) if row in inverter.free_rows]
    assert lec(codes) == pytest.approx(float(np.sqrt(len(acting))), rel=1e-4)
