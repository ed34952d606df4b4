"""The synthesised set, and what an edit of found codes comes to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import joint_inversion, label_samples, synthesised
from stages.bench_edits import AddEditFigures
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.direction_file import DirectionHeader, write_direction
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import Latents
from stages.inverters import interface
from stages.network_weights import GeneratorWeights
from stages.synthesised import RenderSequence, SampleSequences, moved
from tests.stages import tiny

SHAPE = tiny.SMALLER


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (joint_inversion, interface):
        monkeypatch.setattr(module, "INVERSION_SIZE", 64)
    monkeypatch.setattr(label_samples, "SIZE", 64)
    monkeypatch.setattr(synthesised, "load_mobile_stylegan", lambda _: tiny.generator(SHAPE))


@pytest.fixture
def directions(tmp_path: Path) -> list[Direction]:
    found = []
    for number, name in enumerate(("age", "yaw")):
        header = DirectionHeader(
            name=name, generator="g", rows=(0, 1, 2, 4), sigma=0.5, mean=0.0, correlation=0.9,
            made_by="a test", licence="ours",
        )  # fmt: skip
        vector = np.zeros(SHAPE.style_dim, np.float32)
        vector[number] = 1
        found.append(write_direction(tmp_path / f"{name}.safetensors", header, vector))
    return found


def sequences(samples: int, directions: list[Direction]) -> list[Latents]:
    stage = SampleSequences(samples=samples)
    return list(stage.run(GeneratorWeights("g", Path(), "0"), directions, Context(Path())))


def test_a_sequence_moves_along_one_direction_within_its_reach(
    directions: list[Direction],
) -> None:
    found = sequences(12, directions)
    used = set()
    for number, codes in enumerate(found):
        assert codes.track == number and codes.w_plus.shape == (5, SHAPE.rows, SHAPE.style_dim)
        steps = np.diff(codes.w_plus, axis=0)
        still = np.ones(SHAPE.rows, bool)
        still[[0, 1, 2, 4]] = False
        assert not steps[:, still].any()
        (along,) = np.flatnonzero(np.abs(steps).max(axis=(0, 1)) > 1e-5)
        used.add(int(along))
        assert (steps[:, 0, along] >= 0).all()
        assert np.ptp(codes.w_plus[:, 0, along]) <= 2 * 3.0 * 0.5
    assert used == {0, 1}


def test_a_sequence_does_not_depend_on_how_many_there_are(directions: list[Direction]) -> None:
    few, many = sequences(2, directions), sequences(4, directions)
    for a, b in zip(few, many, strict=False):
        np.testing.assert_array_equal(a.w_plus, b.w_plus)
    assert np.abs(many[0].w_plus - many[1].w_plus).max() > 0.1


def test_the_pictures_are_those_of_the_codes(directions: list[Direction]) -> None:
    inverter = tiny.inverter(SHAPE)
    (codes,) = sequences(1, directions)
    faces = RenderSequence().run(inverter.generator, codes, Context(Path()))
    np.testing.assert_array_equal(faces.crops, tiny.pictures(inverter, codes.w_plus))
    assert faces.frame.tolist() == [0, 1, 2, 3, 4]


def test_a_direction_is_as_long_as_its_sigma_on_its_rows(directions: list[Direction]) -> None:
    unit = moved(directions[1], SHAPE.rows)
    assert unit[4, 1] == 0.5 and not unit[3].any()


def test_true_codes_edit_without_error_and_others_do_not(directions: list[Direction]) -> None:
    inverter = tiny.inverter(SHAPE)
    truth = sequences(2, directions)
    codes = np.concatenate([each.w_plus for each in truth])
    images = tiny.pictures(inverter, codes)
    none = np.zeros((len(codes), 0), np.float32)
    made = InversionRun(1.0, 1.0, (3, 3), codes, images, none)
    before = InversionFigures(10, 2, 3, 1.0, 1.0, ())

    def figures(run: InversionRun) -> dict[str, float | None]:
        found = AddEditFigures().run(inverter, before, run, truth, directions, Context(Path()))
        assert [figure.count for figure in found.figures] == [10, 8, 8]
        return {figure.name: figure.value for figure in found.figures}

    exact = figures(made)
    assert set(exact.values()) == {0.0}
    off = figures(replace(made, w_plus=codes + np.float32(0.3)))
    assert off["code_error"] == pytest.approx(0.09, rel=1e-3)
    assert (off["edit_mse"] or 0) > 1e-5
