"""What changes from frame to frame of a morph."""

from dataclasses import dataclass

import numpy as np
import pytest

from stages import morph_figures
from stages.artifacts import F32, U8
from stages.detect import FaceFinder
from stages.morph_figures import MorphFigures, StepFigure
from tests.stages.test_face_motion import mesh

NO_FINDER: FaceFinder = None  # type: ignore[assignment]  # never asked


class Brightness:
    """Stands in for a perceptual distance, and is squared like one."""

    name = "brightness"

    def __call__(self, a: U8, b: U8) -> F32:
        return np.square(a.astype(np.float32) - b).mean(axis=(1, 2, 3))


@dataclass(frozen=True)
class Found:
    landmarks: F32


class Opening:
    """A mouth as open as the picture is light; no face in the dark."""

    def faces_in(self, finder: FaceFinder, crop: U8, near: list[object]) -> list[Found]:
        light = float(crop.mean())
        return [Found(mesh(light, 60))] if light >= 10 else []


def run(monkeypatch: pytest.MonkeyPatch, *lights: int) -> dict[str, StepFigure]:
    monkeypatch.setattr(morph_figures, "DetectFaces", Opening)
    figures = MorphFigures(Brightness(), NO_FINDER)
    for light in lights:
        figures.add(np.full((8, 8, 3), light, np.uint8))
    return {figure.name: figure for figure in figures.figures()}


def test_an_even_morph_has_no_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(monkeypatch, 20, 30, 40, 50)
    light = found["root of brightness"]
    assert (light.steps, light.mean, light.spread, light.worst) == (3, 10, 0, 1)
    assert light.whole == 30
    landmarks = found["landmarks"]
    # Two lips of 468 points move by half a step each, and the eyes are 100 apart.
    assert landmarks.mean == pytest.approx(2 * 5 / 468 / 100)
    assert landmarks.whole == pytest.approx(3 * landmarks.mean)


def test_the_largest_step_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    light = run(monkeypatch, 20, 30, 70, 80)["root of brightness"]
    assert light.worst == pytest.approx(2) and light.worst_frame == 2
    assert light.spread == pytest.approx(np.std([10, 40, 10]) / 20)


def test_steps_without_a_face_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    found = run(monkeypatch, 20, 0, 40, 50)
    assert found["landmarks"].steps == 1 and found["root of brightness"].steps == 3
    assert set(run(monkeypatch, 0, 1, 2)) == {"root of brightness"}
