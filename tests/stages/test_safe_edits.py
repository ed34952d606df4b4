"""Edits that leave the safe range of a face are told, and kept inside when asked."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages.artifacts import Alignment
from stages.direction_file import DirectionHeader, write_direction
from stages.edit_artifacts import Direction, Edits
from stages.inversion_artifacts import Latents
from stages.safe_edits import SafeEdits
from tests.stages import tiny

ROWS = tiny.SHAPE.rows


@pytest.fixture
def smile(tmp_path: Path) -> Direction:
    header = DirectionHeader(
        name="smile", generator="tiny", rows=(0, 1), sigma=2.0, mean=1.0, made_by="a test",
        licence="none",
    )  # fmt: skip
    return write_direction(tmp_path / "smile.safetensors", header, np.eye(16, dtype=np.float32)[0])


def latents(track: int, *at: float) -> Latents:
    """A window of a face at these sigmas from mu."""
    codes = np.zeros((len(at), ROWS, 16), np.float32)
    codes[:, :, 0] = 1.0 + 2.0 * np.array(at)[:, None]
    frames = np.arange(len(at), dtype=np.int32)
    return Latents(track, frames, np.full(len(at), 25, np.float32), codes)


def edits(*strengths: tuple[float, ...]) -> Edits:
    table = np.array(strengths, np.float32)
    names = ("smile",) * table.shape[1]
    steps = np.zeros((len(names), ROWS, 16), np.float32)
    return Edits(text="smile", names=names, strengths=table, steps=steps)


TWO_FACES = tiny.alignment((0, range(2)), (1, range(2)))


def safe(smile: Direction, asked: Edits, clamp: bool, alignment: Alignment = TWO_FACES) -> Edits:
    windows = [latents(0, 0.0, 1.0), latents(1, -2.0, -2.0)]
    stage = SafeEdits(clamp=clamp)
    return stage.run(asked, windows, alignment, [smile], Context(Path()))


def test_what_stays_inside_is_left_alone(smile: Direction) -> None:
    asked = edits((2.0,), (1.0,), (4.5,), (-0.5,))
    for clamp in (False, True):
        found = safe(smile, asked, clamp)
        assert found.beyond == ()
        np.testing.assert_array_equal(found.strengths, asked.strengths)


def test_what_goes_beyond_is_told_with_its_face_and_range(smile: Direction) -> None:
    asked = edits((2.5,), (2.5,), (-2.0,), (1.0,))
    found = safe(smile, asked, clamp=False)
    assert found.beyond == (
        "smile=+2.5 of track 0 leaves the safe range of this face, -3.0 to +2.0 "
        "(within 3 sigma of the generator's faces).",
        "smile=-2.0 of track 1 leaves the safe range of this face, -1.0 to +5.0 "
        "(within 3 sigma of the generator's faces).",
    )
    np.testing.assert_array_equal(found.strengths, asked.strengths)


def test_clamping_keeps_each_face_inside_its_own_range(smile: Direction) -> None:
    found = safe(smile, edits((2.5,), (0.5,), (-2.0,), (1.0,)), clamp=True)
    np.testing.assert_allclose(found.strengths[:, 0], [2.0, 0.5, -1.0, 1.0], atol=1e-6)
    assert all(line.endswith(" It was kept inside.") for line in found.beyond)


def test_both_sides_of_an_edit_are_clamped(smile: Direction) -> None:
    """A direction with a vector for negative strengths has two columns, of either sign."""
    found = safe(smile, edits((9.0, 0.0), (0.0, -9.0), (0.0, 0.0), (0.0, 0.0)), clamp=True)
    np.testing.assert_allclose(found.strengths[:2], [(2.0, 0.0), (0.0, -3.0)], atol=1e-6)


def test_a_face_that_was_not_inverted_is_passed_over(smile: Direction) -> None:
    alone = tiny.alignment((0, range(2)), (1, range(2)), (7, range(1)))
    asked = edits((1.0,), (1.0,), (1.0,), (1.0,), (9.0,))
    found = safe(smile, asked, clamp=True, alignment=alone)
    assert found.strengths[4, 0] == 9 and found.beyond == ()
