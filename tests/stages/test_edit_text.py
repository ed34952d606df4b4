"""What a user writes after --edit, and what is said of what cannot be read."""

import numpy as np
import pytest

from pipeline.failure import UsageError
from stages.edit_text import Edit, Key, Strength, Unit, parse_edits
from tests.stages.test_direction_file import AGE, TWO_SIDED


@pytest.mark.parametrize(
    ("text", "amount", "unit"),
    [
        ("age=+2", 2, ""),
        ("age=2", 2, ""),
        ("age=-1.5", -1.5, ""),
        ("age=.5", 0.5, ""),
        ("age=0", 0, ""),
        (" age=+10y ", 10, "y"),
        ("age=-12.5y", -12.5, "y"),
        ("age=+7deg", 7, "deg"),
    ],
)
def test_strengths(text: str, amount: float, unit: Unit) -> None:
    assert Edit.parse(text) == Edit("age", (Key(0, Strength(amount, unit)),))


@pytest.mark.parametrize(
    "text",
    [
        *("age", "age=", "=2", "age+2", "age=two", "age=+-2", "age=2x", "age=nan", "age=inf"),
        *("age=1e3", "Age=2", "9age=1", "age=2 y", "age = 2", "age==2", "age=2y2", "../age=2", ""),
        *("age=2ydeg", "age=2d", "age=2 deg"),
        *("track:age=2", "track:1=2", "track:-1:age=2", "track:1:", "1:age=2", "Track:1:age=2"),
    ],
)
def test_other_texts_are_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match=r"^The edit .* is not NAME=STRENGTH, such as age=\+2"):
        Edit.parse(text)


def test_lists_and_repeated_options_are_one() -> None:
    edits = parse_edits(("age=+2,smile=-1", "age=1,"))
    assert [(e.name, e.keys[0].strength.amount) for e in edits] == [
        ("age", 2), ("smile", -1), ("age", 1),
    ]  # fmt: skip
    with pytest.raises(UsageError, match="'smile'"):
        parse_edits(("age=+2,smile",))


def test_keyframes_of_one_edit_among_others() -> None:
    age, smile, yaw = parse_edits(("age=+10y,smile=0@0s,+2@1.5s,-1@1:02.5", "yaw=1"))
    assert (age.name, len(age.keys)) == ("age", 1)
    assert smile == Edit(
        "smile", (Key(0, Strength(0)), Key(1.5, Strength(2)), Key(62.5, Strength(-1)))
    )
    assert (yaw.name, len(yaw.keys)) == ("yaw", 1)


def test_an_edit_for_one_face() -> None:
    assert Edit.parse("track:12:age=+2").track == 12
    assert Edit.parse("track:0:age=0@0s,+2@1s").keys[1] == Key(1, Strength(2))
    assert Edit.parse("age=+2").track is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("smile=0@0s,+2@1.5", r"The keyframe '\+2@1.5' of smile is not STRENGTH@TIME, such as"),
        ("smile=0@0s,+2", r"The keyframe '\+2' of smile is not STRENGTH@TIME"),
        ("smile=@1s", "The keyframe '@1s' of smile is not STRENGTH@TIME"),
        ("smile=1@-1s", "The keyframe '1@-1s' of smile"),
        ("smile=1@5f", "The keyframe '1@5f' of smile"),
        ("smile=1@1ms", "The keyframe '1@1ms' of smile"),
        ("smile=1x@1s", "The keyframe '1x@1s' of smile"),
        ("smile=1@1s@2s", "The keyframe '1@1s@2s' of smile"),
        ("smile=1@0:75", "The time of the keyframe '1@0:75' of smile has 60 or more seconds"),
        ("smile=1@" + "9" * 400 + "s", "is too late: 1000000 s is the limit"),
        ("smile=1@2s,2@1s", "The keyframes of smile are not in order of time: 1 s comes after 2 s"),
        ("smile=1@1s,2@1s", "not in order of time"),
        ("smile=1,2", "has 2 strengths: give each its time, such as smile=0@0s"),
    ],
)
def test_bad_keyframes_are_refused_in_one_sentence(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        Edit.parse(text)
    assert "\n" not in str(told.value)


def test_strengths_are_held_before_and_after_and_straight_in_between() -> None:
    edit = Edit.parse("age=+1@1s,+3@2s,0@4s")
    times = np.array([0.0, 1.0, 1.25, 2.0, 3.0, 4.0, 9.0])
    np.testing.assert_allclose(edit.at(times, AGE), [1, 1, 1.5, 3, 1.5, 0, 0])
    np.testing.assert_allclose(Edit.parse("age=2").at(times, AGE), 2)


def test_years_are_turned_into_standard_deviations() -> None:
    assert Edit.parse("age=+18y").sigmas(AGE) == pytest.approx((2,))
    assert Edit.parse("age=-4.5y").sigmas(AGE) == pytest.approx((-0.5,))
    backwards = AGE.model_copy(update={"years_per_sigma": -9.0})
    assert Edit.parse("age=+18y").sigmas(backwards) == pytest.approx((-2,))
    assert Edit.parse("age=0@0s,+18y@1s,-1@2s").sigmas(AGE) == pytest.approx((0, 2, -1))
    assert Edit.parse("age=-12y").sigmas(TWO_SIDED) == pytest.approx((-2,))


def test_degrees_are_turned_into_standard_deviations() -> None:
    turns = {"name": "yaw", "unit": "degrees", "unit_per_sigma": 20.0, "years_per_sigma": None}
    yaw = AGE.model_copy(update=turns)
    assert Edit.parse("yaw=+15deg").sigmas(yaw) == pytest.approx((0.75,))
    assert Edit.parse("yaw=-10deg@0s,+1@1s").sigmas(yaw) == pytest.approx((-0.5, 1))
    for header in (AGE, AGE.model_copy(update={"unit": "years", "unit_per_sigma": 9.0})):
        with pytest.raises(UsageError, match="age has no degrees"):
            Edit.parse("age=+15deg").sigmas(header)


def test_years_of_something_else_are_refused() -> None:
    header = AGE.model_copy(update={"name": "smile", "years_per_sigma": None})
    for text in ("smile=+2y", "smile=0@0s,+2y@1s"):
        with pytest.raises(UsageError, match="smile has no years"):
            Edit.parse(text).sigmas(header)


@pytest.mark.parametrize(
    "text", ["age=+10.5", "age=-400", "age=+1000y", "age=" + "9" * 400, "age=0@0s,11@1s"]
)
def test_too_much_is_refused_with_the_limits(text: str) -> None:
    with pytest.raises(UsageError, match="standard deviations: -10 to 10 are permitted"):
        Edit.parse(text).sigmas(AGE)
