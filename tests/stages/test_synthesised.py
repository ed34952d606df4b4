"""The synthesised set, and what an edit of found codes comes to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import joint_inversion, label_samples, synthesised
from stages.bench_edits import AddEditFigures, Editor
from stages.bench_figures import InversionFigures
from stages.bench_inversion import InversionRun
from stages.direction_file import DirectionHeader, write_direction
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import Latents
from stages.inverters import interface
from stages.network_weights import GeneratorWeights
from stages.synthesised import RenderSequence, SampleCurves, SampleSequences, moved
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

    def figures(run: InversionRun, stage: AddEditFigures) -> dict[str, float | None]:
        editor = Editor(inverter, tiny.judges())
        found = stage.run(editor, before, run, directions, Context(Path()), truth)
        assert len(found.edit_features) == len(found.edit_wanted_features) == 8
        counts = {figure.name: figure.count for figure in found.figures}
        assert (counts["code_error"], counts["edit_mse"]) == (10, 8)
        return {figure.name: figure.value for figure in found.figures}

    for stage in (AddEditFigures(), AddEditFigures(path="curved")):
        exact = figures(made, stage)
        assert exact["code_error"] == exact["edit_mse"] == exact["edit_perceptual_apart"] == 0
        off = figures(replace(made, w_plus=codes + np.float32(0.3)), stage)
        assert off["code_error"] == pytest.approx(0.09, rel=1e-3)
        assert (off["edit_mse"] or 0) > 1e-5


def test_of_a_clip_edits_are_looked_at_without_the_truth(directions: list[Direction]) -> None:
    inverter = tiny.inverter(SHAPE)
    codes = np.concatenate([each.w_plus for each in sequences(2, directions)])
    made = InversionRun(1.0, 1.0, (3, 3), codes, tiny.pictures(inverter, codes),
                        np.zeros((len(codes), 0), np.float32))  # fmt: skip
    before = InversionFigures(10, 2, 3, 1.0, 1.0, ())
    editor = Editor(inverter, tiny.judges())
    found = AddEditFigures().run(editor, before, made, directions, Context(Path()))
    assert len(found.edit_features) == 8 and not len(found.edit_wanted_features)
    assert [figure.name for figure in found.figures] == ["edit_niqe_skvideo"]


def test_the_second_set_has_the_same_people_and_other_paths(directions: list[Direction]) -> None:
    generator = GeneratorWeights("g", Path(), "0")
    stages = SampleSequences(samples=4, reach=0.1), SampleCurves(samples=4, reach=0.1)
    even, bent = ([*s.run(generator, directions, Context(Path()))] for s in stages)
    for straight, curved in zip(even, bent, strict=True):
        steps = np.diff(straight.w_plus[:, 0], axis=0)
        along = int(np.abs(steps).max(axis=0).argmax())
        # As much of the direction, and more beside it; nothing in rows that it does not act on.
        np.testing.assert_allclose(
            curved.w_plus[:, 0, along], straight.w_plus[:, 0, along], atol=2e-3
        )
        assert np.abs(curved.w_plus - straight.w_plus).max() > 5e-3
        np.testing.assert_array_equal(curved.w_plus[:, 3], straight.w_plus[:, 3])
