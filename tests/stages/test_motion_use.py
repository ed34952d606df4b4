"""What ``--transfer-what`` and its fellows may say."""

import pytest
from pydantic import ValidationError

from pipeline.failure import UsageError
from stages.motion_use import MotionUse

ACTIVE = (0, 1, 2, 4, 5, 7, 8)


@pytest.mark.parametrize(
    ("what", "names", "rows"),
    [
        ("mouth", ("mouth",), ()),
        ("mouth, yaw", ("mouth", "yaw"), ()),
        ("rows:4-8", (), (4, 5, 7, 8)),
        ("rows:2", (), (2,)),
        ("yaw,rows:0-2,rows:8", ("yaw",), (0, 1, 2, 8)),
        ("all", (), ACTIVE),
    ],
)
def test_attributes_and_rows(what: str, names: tuple[str, ...], rows: tuple[int, ...]) -> None:
    use = MotionUse(what=what)
    assert use.names == names
    assert use.rows(ACTIVE) == rows


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("age", "'age' is unknown: mouth, smile, yaw"),
        ("", "'' is unknown"),
        ("rows:8-4", "ends before it begins"),
        ("rows:x", "'rows:x' is unknown"),
        ("all,mouth", "all leaves nothing"),
    ],
)
def test_other_texts_are_refused_in_a_sentence(what: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        MotionUse(what=what)
    assert "\n" not in str(told.value)


def test_rows_that_do_nothing_are_told() -> None:
    with pytest.raises(UsageError, match="none of these rows reaches the picture; 0, 1, 2, 4"):
        MotionUse(what="rows:3").rows(ACTIVE)


@pytest.mark.parametrize("wrong", [{"strength": 11}, {"mode": "both"}, {"end": "stop"}])
def test_other_settings_are_checked_by_their_types(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MotionUse.model_validate(wrong)


def test_it_says_what_it_is() -> None:
    assert str(MotionUse()) == "motion of mouth"
    assert str(MotionUse(mode="change", what="rows:4-8", strength=-2)) == "change of rows:4-8 x-2"
