"""Years in finished photographs: what is measured, and the curve that a file tells."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from configs.directions import describe
from pipeline.failure import InputError
from pipeline.stage import Context
from stages import measure_years
from stages.artifacts import U8
from stages.direction_file import open_direction, read_below, read_direction, write_direction
from stages.edit_text import Edit
from stages.label_samples import Labellers
from stages.measure_years import (
    MeasureYears,
    RecordYears,
    YearsSeen,
    curve,
    finished,
    render,
)
from stages.photographs import Photograph, PhotographCodes
from tests.stages import tiny
from tests.stages.test_direction_file import AGE, TWO_SIDED, unit

STRENGTHS = (-2.0, -1.0, 1.0, 2.0)


class Brightness:
    """Stands in for the age network: the brighter, the older."""

    def age(self, crops: U8) -> np.ndarray:
        return crops.mean(axis=(1, 2, 3), dtype=np.float64)


def photograph() -> U8:
    x, y = np.meshgrid(np.arange(256), np.arange(256))
    return np.stack([x // 2 + 60, y // 2 + 60, (x + y) // 4 + 60], axis=-1).astype(np.uint8)


def test_a_photograph_is_aged_by_every_strength_as_a_finished_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure_years, "face_crop", lambda *_: photograph())
    generator = tiny.renderable()
    loaded = Labellers(generator, cast(Any, Brightness()), cast(Any, None))
    header = AGE.model_copy(update={"rows": (0, 1), "sigma": 1.5})
    vector = np.eye(16, dtype=np.float32)[3]
    direction = write_direction(tmp_path / "age.safetensors", header, vector)
    rows = generator.generator.shape.rows
    w_plus = np.random.default_rng(0).normal(size=(1, rows, 16)).astype(np.float32)
    seen = MeasureYears(strengths=STRENGTHS, size=256).run(
        loaded,
        Photograph(tmp_path / "a.jpg", "a"),
        PhotographCodes(w_plus, np.zeros(1, np.float32)),
        direction,
        Context(tmp_path),
    )
    source = photograph()
    (inverted,) = render(generator, w_plus, 256)
    expected = []
    for strength in STRENGTHS:
        moved = w_plus.copy()
        moved[:, :2, 3] += strength * 1.5
        (edited,) = render(generator, moved, 256)
        expected.append(finished(source, inverted, edited).mean() - source.mean())
    assert seen.strengths == STRENGTHS
    np.testing.assert_allclose(seen.years, expected, atol=1e-6)
    assert np.abs(expected).min() > 0


def test_an_edit_that_changes_nothing_leaves_the_photograph() -> None:
    inverted = np.full((256, 256, 3), 90, np.float32)
    np.testing.assert_array_equal(finished(photograph(), inverted, inverted), photograph())


def test_strengths_that_add_no_years_are_left_out_of_the_curve() -> None:
    strengths = (-2.0, -1.0, 0.5, 1.0, 2.0, 3.0)
    known = curve(strengths, [-9.0, 0.5, 1.0, 0.8, 10.0, 10.0])
    assert known == ((-2, -9), (0, 0), (0.5, 1), (2, 10))


@pytest.mark.parametrize(
    ("years", "said"), [([-4.0, -2.0, 0.0, -1.0], "older"), ([1.0, 0.5, 1.0, 2.0], "younger")]
)
def test_an_edit_that_does_not_age_has_no_years(years: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        curve(STRENGTHS, years)


def test_a_file_tells_the_mean_of_all_photographs_and_years_go_by_it(tmp_path: Path) -> None:
    made = write_direction(tmp_path / "age.safetensors", TWO_SIDED, unit(), unit())
    seen = [
        YearsSeen(STRENGTHS, (-10.0, -3.0, 1.0, 9.0)),
        YearsSeen(STRENGTHS, (-14.0, -5.0, 3.0, 11.0)),
    ]
    (tmp_path / "new").mkdir()
    found = RecordYears(made_by="the years").run(made, seen, Context(tmp_path / "new"))
    header, vector = read_direction(found.file)
    assert header.years == ((-2, -12), (-1, -4), (0, 0), (1, 2), (2, 10))
    assert header.photographs == 2 and header.made_by == f"{TWO_SIDED.made_by}; the years"
    np.testing.assert_array_equal(vector, unit())
    np.testing.assert_array_equal(read_below(found.file), unit())
    for text, sigmas in [
        ("age=+10y", 2), ("age=+6y", 1.5), ("age=+1y", 0.5), ("age=0y", 0), ("age=-8y", -1.5),
        ("age=+14y", 2.5), ("age=-16y", -2.5), ("age=+2", 2),
    ]:  # fmt: skip
        assert Edit.parse(text).sigmas(header) == pytest.approx((sigmas,)), text
    assert "age=+10y is +2.0 sigma and -10y -1.8" in describe(found)
    assert "in 2 photographs: -2: -12.0" in describe(found, full=True)
    # Measured once more, it names its maker and the last measurement.
    (tmp_path / "newer").mkdir()
    again = RecordYears(made_by="the years again").run(
        open_direction(found.file), seen[:1], Context(tmp_path / "newer")
    )
    assert read_direction(again.file)[0].made_by == f"{TWO_SIDED.made_by}; the years again"


@pytest.mark.parametrize(
    "years",
    [
        ((0, 0), (1, 2), (1, 3)), ((0, 0), (1, 2), (2, 2)), ((-1, -2), (1, 2), (2, 3)),
        ((0, 0), (1, 2)), ((-1, 2), (0, 0), (1, 3)),
    ],
)  # fmt: skip
def test_years_that_do_not_rise_are_no_header(years: tuple[tuple[float, float], ...]) -> None:
    with pytest.raises(ValueError, match="do not rise"):
        type(AGE).model_validate({**AGE.model_dump(), "years": years})
