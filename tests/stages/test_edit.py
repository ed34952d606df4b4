"""What a user writes after --edit, and what is added to the codes for it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import UsageError
from pipeline.stage import Context
from stages.direction_file import write_direction
from stages.edit import ComposeEdits, Edit, parse_edits
from stages.edit_artifacts import Direction, Edits
from tests.stages.test_direction_file import AGE, TWO_SIDED, unit

ROWS = 5


@pytest.fixture
def directions(tmp_path: Path) -> list[Direction]:
    """``age`` on rows 0 to 2, and ``smile`` on row 4, without years."""
    smile = AGE.model_copy(
        update={"name": "smile", "rows": (4,), "sigma": 0.5, "years_per_sigma": None}
    )
    return [
        write_direction(tmp_path / "age.st", AGE, unit()),
        write_direction(tmp_path / "smile.st", smile, unit()[::-1].copy()),
    ]


def compose(directions: list[Direction], *edits: str, generator: str = "tiny") -> Edits:
    stage = ComposeEdits(edits=edits, generator=generator, rows=ROWS)
    return stage.run(directions, Context(Path()))


@pytest.mark.parametrize(
    ("text", "amount", "years"),
    [
        ("age=+2", 2, False),
        ("age=2", 2, False),
        ("age=-1.5", -1.5, False),
        ("age=.5", 0.5, False),
        ("age=0", 0, False),
        (" age=+10y ", 10, True),
        ("age=-12.5y", -12.5, True),
    ],
)
def test_strengths(text: str, amount: float, years: bool) -> None:
    assert Edit.parse(text) == Edit("age", amount, years)


@pytest.mark.parametrize(
    "text",
    [
        *("age", "age=", "=2", "age+2", "age=two", "age=+-2", "age=2x", "age=nan", "age=inf"),
        *("age=1e3", "Age=2", "9age=1", "age=2 y", "age = 2", "age==2", "age=2y2", "../age=2", ""),
    ],
)
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"^The edit .* is not NAME=STRENGTH, such as age=\+2"):
        Edit.parse(text)


def test_lists_and_repeated_options_are_one() -> None:
    edits = parse_edits(("age=+2,smile=-1", "age=1,"))
    assert [(e.name, e.amount) for e in edits] == [("age", 2), ("smile", -1), ("age", 1)]
    with pytest.raises(UsageError, match="'smile'"):
        parse_edits(("age=+2,smile",))


def test_the_settings_refuse_what_cannot_be_parsed() -> None:
    with pytest.raises(UsageError, match="'old'"):
        ComposeEdits(edits=("old",), generator="tiny", rows=ROWS)


def test_years_are_turned_into_standard_deviations() -> None:
    assert Edit.parse("age=+18y").sigmas(AGE) == pytest.approx(2)
    assert Edit.parse("age=-4.5y").sigmas(AGE) == pytest.approx(-0.5)
    backwards = AGE.model_copy(update={"years_per_sigma": -9.0})
    assert Edit.parse("age=+18y").sigmas(backwards) == pytest.approx(-2)


def test_years_of_something_else_are_refused() -> None:
    header = AGE.model_copy(update={"name": "smile", "years_per_sigma": None})
    with pytest.raises(UsageError, match="smile has no years"):
        Edit.parse("smile=+2y").sigmas(header)


@pytest.mark.parametrize("text", ["age=+10.5", "age=-400", "age=+1000y", "age=" + "9" * 400])
def test_too_much_is_refused_with_the_limits(text: str) -> None:
    with pytest.raises(UsageError, match="standard deviations: -10 to 10 are permitted"):
        Edit.parse(text).sigmas(AGE)


def test_the_offset_is_strength_times_sigma_on_the_directions_rows(
    directions: list[Direction],
) -> None:
    found = compose(directions, "age=+2")
    assert found.text == "age=+2"
    assert found.offset.shape == (ROWS, 16) and found.offset.dtype == np.float32
    np.testing.assert_allclose(found.offset[:3], np.repeat(5 * unit()[None], 3, 0), rtol=1e-6)
    assert not found.offset[3:].any()


def test_several_edits_add_up(directions: list[Direction]) -> None:
    together = compose(directions, "age=+2,smile=-1", "age=-9y").offset
    apart = sum(compose(directions, text).offset for text in ("age=+1", "smile=-1"))
    np.testing.assert_allclose(together, apart, atol=1e-6)
    assert together[4].any() and together[0].any()


def test_no_strength_is_no_offset(directions: list[Direction]) -> None:
    assert not compose(directions, "age=0").offset.any()


def test_a_direction_for_another_generator_is_refused(directions: list[Direction]) -> None:
    with pytest.raises(
        UsageError, match="age belongs to the generator tiny; this run renders with stylegan3"
    ):
        compose(directions, "age=+2", generator="stylegan3")


def test_no_edit_is_told(directions: list[Direction]) -> None:
    with pytest.raises(UsageError, match="No edit was given"):
        compose(directions)


def test_negative_strengths_go_along_their_own_vector(tmp_path: Path) -> None:
    other = unit()[::-1].copy()
    two = [write_direction(tmp_path / "two.st", TWO_SIDED, unit(), other)]
    np.testing.assert_allclose(compose(two, "age=2").offset[0], 2 * 2.5 * unit(), rtol=1e-5)
    np.testing.assert_allclose(compose(two, "age=-2").offset[0], -2 * 4.0 * other, rtol=1e-5)
    np.testing.assert_allclose(compose(two, "age=-12y").offset[0], -2 * 4.0 * other, rtol=1e-5)
    np.testing.assert_allclose(compose(two, "age=18y").offset[0], 2 * 2.5 * unit(), rtol=1e-5)
    assert not compose(two, "age=0").offset.any()
