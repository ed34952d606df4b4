import numpy as np
import pytest

from stages.face_figures import FaceRow
from stages.metrics.niqe import Pristine, niqe
from stages.paired_clips import Pair
from stages.quality_figures import NO_NIQE, QualityFigures

PRISTINE = Pristine(np.zeros(36), np.eye(36))


def pair(index: int, size: tuple[int, int]) -> Pair:
    rng = np.random.default_rng(index)
    a, b = rng.integers(0, 256, (2, *size, 3), dtype=np.uint8)
    return Pair(index, index / 25, a, b)


def row(side: float) -> FaceRow:
    quad = np.array([[0, 0], [0, side], [side, side], [side, 0]], np.float64)
    return FaceRow(0, quad, np.zeros((468, 2), np.float32))


def test_without_parameters_there_is_a_reason() -> None:
    figures = QualityFigures(None, 3, 2)
    figures.add(pair(0, (200, 200)), [])
    assert [(f.region, f.value, f.note) for f in figures.figures()] == [
        ("overall", None, NO_NIQE),
        ("face", None, NO_NIQE),
    ]


def test_a_few_frames_are_looked_at_in_both_clips() -> None:
    figures = QualityFigures(PRISTINE, 9, 3)
    pairs = [pair(i, (200, 210)) for i in range(9)]
    for each in pairs:
        figures.add(each, [row(195.0)])
    overall, face = figures.figures()
    looked = [pairs[i] for i in (0, 4, 8)]
    assert (overall.count, face.count) == (3, 3)
    assert overall.value == pytest.approx(np.mean([niqe(p.after, PRISTINE) for p in looked]))
    assert overall.source == pytest.approx(np.mean([niqe(p.before, PRISTINE) for p in looked]))
    assert overall.ratio == pytest.approx(overall.value / overall.source)


def test_small_pictures_and_faces_have_a_reason() -> None:
    figures = QualityFigures(PRISTINE, 1, 5)
    figures.add(pair(0, (200, 200)), [row(150.0)])
    overall, face = figures.figures()
    assert overall.value is not None
    assert face.value is None
    assert "192 pixels" in face.note
