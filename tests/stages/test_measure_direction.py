"""What is measured of an edit, and what is drawn, with a generator of random weights."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pipeline.stage import Context
from stages import measure_direction, plot_direction
from stages.artifacts import U8
from stages.direction_file import DirectionHeader, write_direction
from stages.edit_artifacts import Direction
from stages.label_appearance import ALL_LABELS, APPEARANCE, AppearanceLabels
from stages.label_samples import LABELS, LabelledSamples, Labellers
from stages.measure_direction import MeasureDirection, Watchers
from stages.photographs import read_picture
from stages.plot_direction import PlotDirection, place, two_modes
from tests.stages import tiny

COUNT = 40


@pytest.fixture
def samples() -> tuple[LabelledSamples, AppearanceLabels]:
    """Pitch follows the first number of the code, with a spread of 2."""
    random = np.random.default_rng(0)
    w = random.normal(size=(COUNT, 16)).astype(np.float32)
    more = random.normal(size=(COUNT, len(APPEARANCE))).astype(np.float32)
    more[:, APPEARANCE.index("pitch")] = 2 * (w[:, 0] - w[:, 0].mean()) / w[:, 0].std()
    labels = random.normal(size=(COUNT, len(LABELS))).astype(np.float32)
    return LabelledSamples("tiny", w, labels), AppearanceLabels("tiny", more)


@pytest.fixture
def pitch(tmp_path: Path) -> Direction:
    header = DirectionHeader(
        name="pitch", generator="tiny", rows=(0, 1), sigma=1.0, mean=0.0, made_by="a test",
        licence="none",
    )  # fmt: skip
    return write_direction(tmp_path / "pitch.safetensors", header, np.eye(16, dtype=np.float32)[0])


@pytest.fixture
def labellers() -> Labellers:
    return Labellers(tiny.renderable(), cast(Any, None), cast(Any, None))


def test_changes_are_in_sigmas_of_each_label(
    samples: tuple[LabelledSamples, AppearanceLabels],
    pitch: Direction,
    labellers: Labellers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """An edit that adds 3 to a pitch whose spread is 2 changes it by 1.5 sigma, and no other."""
    known = np.column_stack([samples[0].labels, samples[1].labels])
    seen = iter(known)

    def after(_: object, crops: U8) -> np.ndarray:
        labels = next(seen)[None].copy()
        labels[0, ALL_LABELS.index("pitch")] += 3
        return labels

    shown: list[np.ndarray] = []
    render = measure_direction.render_256

    def rendered(generator: Any, w_plus: Any) -> U8:
        shown.append(w_plus.numpy())
        return render(generator, w_plus)

    monkeypatch.setattr(measure_direction, "label_all", after)
    monkeypatch.setattr(measure_direction, "render_256", rendered)
    monkeypatch.setattr(measure_direction, "_mesh", lambda *_: None)
    found = MeasureDirection(faces=4, strength=-2).run(
        Watchers(labellers, None), *samples, pitch, Context(tmp_path)
    )
    assert found.of("pitch") == pytest.approx(1.5, rel=0.05)
    assert max(abs(found.of(n)) for n in ALL_LABELS if n != "pitch" and n in LABELS) < 1e-6
    assert found.likeness is None and found.faces == len(shown) == 4
    moved = shown[0][1] - shown[0][0]
    np.testing.assert_allclose(moved[:2, 0], -2, atol=1e-6)
    assert np.abs(moved[2:]).max() == 0, "a row moved that the direction does not act on"


def test_of_the_rows_that_are_chosen_only_those_move(
    samples: tuple[LabelledSamples, AppearanceLabels],
    pitch: Direction,
    labellers: Labellers,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    moved: list[np.ndarray] = []
    render = measure_direction.render_256

    def rendered(generator: Any, w_plus: Any) -> U8:
        moved.append((w_plus[1] - w_plus[0]).numpy())
        return render(generator, w_plus)

    known = np.column_stack([samples[0].labels, samples[1].labels])
    monkeypatch.setattr(measure_direction, "label_all", lambda *_: known[:1])
    monkeypatch.setattr(measure_direction, "render_256", rendered)
    monkeypatch.setattr(measure_direction, "_mesh", lambda *_: None)
    stage = MeasureDirection(faces=2, strength=3, rows=(1, 4))
    found = stage.run(Watchers(labellers, None), *samples, pitch, Context(tmp_path))
    assert found.rows == (1, 4)
    np.testing.assert_allclose(moved[0][1, 0], 3, atol=1e-6)
    assert np.abs(np.delete(moved[0], 1, axis=0)).max() == 0


def test_a_plot_shows_two_modes_on_either_side(
    samples: tuple[LabelledSamples, AppearanceLabels],
    pitch: Direction,
    labellers: Labellers,
    tmp_path: Path,
) -> None:
    found = PlotDirection(faces=1).run(labellers, *samples, pitch, Context(tmp_path))
    assert found.modes[0, 0] < -0.5 and found.modes[1, 0] > 0.5
    picture = read_picture(found.file)
    assert picture.shape[1] == len(plot_direction.STOPS) * plot_direction.CELL
    assert picture.shape[0] > plot_direction.HEIGHT and picture.std() > 10


def test_without_a_label_there_are_no_modes(
    samples: tuple[LabelledSamples, AppearanceLabels],
) -> None:
    at = np.arange(float(COUNT))
    little, much = two_modes(at, "sefa", *samples)
    assert len(little) == len(much) == 0
    little, much = two_modes(at, "pitch", *samples)
    assert len(little) == len(much) == pytest.approx(COUNT / 3, abs=1)


def test_a_face_is_placed_in_sigmas_from_mu() -> None:
    header = DirectionHeader(
        name="pitch", generator="tiny", rows=(0,), sigma=2.0, mean=1.0, made_by="a test",
        licence="none",
    )  # fmt: skip
    w = np.zeros((1, 16))
    w[0, 3] = 5
    assert place(w, header, np.eye(16, dtype=np.float32)[3])[0] == pytest.approx(2)
