"""What a strip's columns are."""

import pytest

from pipeline.failure import UsageError
from stages.edit_range import parse_range
from stages.edit_text import parse_edits


def headings(*texts: str, strengths: int = 7) -> list[str]:
    return [column.heading for column in parse_range(texts, strengths)]


def test_a_range_is_even_and_has_both_ends() -> None:
    assert headings("age=-3..3") == [
        "age=-3", "age=-2", "age=-1", "age=+0", "age=+1", "age=+2", "age=+3",
    ]  # fmt: skip
    assert headings("age=-.5..1", strengths=2) == ["age=-0.5", "age=+1"]
    assert headings("track:1:age=0..1", strengths=3)[1] == "track:1:age=+0.5"


def test_years_stay_years() -> None:
    assert headings("age=-20y..20y", strengths=3) == ["age=-20y", "age=+0y", "age=+20y"]
    assert headings("age=0..20y", strengths=2) == ["age=+0y", "age=+20y"]
    assert headings("yaw=-15deg..15deg", strengths=2) == ["yaw=-15deg", "yaw=+15deg"]


def test_other_edits_are_in_every_column() -> None:
    columns = parse_range(("yaw=1,age=-1..1", "smile=0@0s,2@1s"), 3)
    assert [column.edits for column in columns] == [
        ("yaw=1", f"age={k}", "smile=0@0s,2@1s") for k in ("-1", "+0", "+1")
    ]
    for column in columns:
        assert len(parse_edits(column.edits)) == 3


def test_without_a_range_there_is_one_column() -> None:
    assert parse_range(("age=2,yaw=1",), 7) == (("age=2, yaw=1", ("age=2", "yaw=1")),)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (("age=3..-3",), r"The range 'age=3\.\.-3' is empty: 3 is not below -3"),
        (("age=2..2",), "is empty"),
        (("age=-1..1", "yaw=-1..1"), "are both ranges: a strip has one"),
        (("age=-1..1y",), "mixes units"),
        (("yaw=-1deg..1y",), "mixes units"),
        (("age=..3",), "is not NAME=LOW..HIGH"),
        (("age=1..",), "is not NAME=LOW..HIGH"),
        (("age=1...3..4",), "is not NAME=LOW..HIGH"),
        (("age=a..b",), "is not NAME=LOW..HIGH"),
        (("age=0@0s,1..2@1s",), "is not NAME=LOW..HIGH"),
        (("Age=-1..1",), "The edit 'Age=-1' is not NAME=STRENGTH"),
        (("age",), "The edit 'age' is not NAME=STRENGTH"),
    ],
)
def test_what_is_no_range_is_told_in_a_sentence(texts: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        parse_range(texts, 7)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("strengths", [-1, 0, 1, 26])
def test_too_few_and_too_many_strengths(strengths: int) -> None:
    with pytest.raises(UsageError, match=f"--strengths {strengths}: a range has 2 to 25"):
        parse_range(("age=-1..1",), strengths)
