"""Half-way between two people, with and without the truth."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import joint_inversion
from stages.artifacts import F32
from stages.bench_edits import Editor
from stages.bench_inversion import InversionRun
from stages.bench_morphs import MeasureMorphs, MorphFigures
from stages.inversion_artifacts import Latents
from stages.inverters import interface
from tests.stages import tiny

SHAPE = tiny.SMALLER
FRAMES = 3


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (joint_inversion, interface):
        monkeypatch.setattr(module, "INVERSION_SIZE", 64)


def people(count: int) -> list[F32]:
    found = tiny.inverter(SHAPE)
    return [tiny.codes(found, FRAMES, seed=k) for k in range(count)]


def run_of(codes: list[F32], wrong: float = 0.0) -> InversionRun:
    w = np.concatenate(codes) + np.float32(wrong)
    images = np.zeros((len(w), 64, 64, 3), np.uint8)
    return InversionRun(1.0, 1.0, (2,) * len(codes), w, images, np.zeros((len(w), 0), np.float32))


def measure(made: list[InversionRun], truth: list[F32] | None) -> MorphFigures:
    editor = Editor(tiny.inverter(SHAPE), tiny.judges())
    known = truth and [
        Latents(k, np.arange(FRAMES, dtype=np.int32), np.zeros(FRAMES, np.float32), codes)
        for k, codes in enumerate(truth)
    ]
    return MeasureMorphs().run(editor, made, Context(Path()), known)


def test_between_true_codes_there_is_no_error_and_between_others_there_is() -> None:
    truth = people(3)
    exact = measure([run_of(truth)], truth)
    assert exact.morphs == 3 * 3 and exact.features.shape == exact.wanted_features.shape
    values = {figure.name: figure.value for figure in exact.figures}
    assert values["morph_mse"] == 0
    off = measure([run_of(truth, wrong=0.3)], truth)
    values = {figure.name: figure.value for figure in off.figures}
    assert (values["morph_mse"] or 0) > 1e-5


def test_clips_are_mixed_with_each_other_and_two_make_one_pair() -> None:
    a, b = people(2)
    found = measure([run_of([a]), run_of([b])], None)
    assert found.morphs == 3 and not len(found.wanted_features)
    # The first mixture is a quarter of the way, between the middle frames.
    mixed = 0.75 * a[FRAMES // 2] + 0.25 * b[FRAMES // 2]
    picture = interface.shown(tiny.inverter(SHAPE), mixed[None].astype(np.float32))
    np.testing.assert_array_equal(found.features[:1], tiny.judges().pooled(picture))
