"""How a picture is named."""

from pathlib import Path

import pytest

from pipeline.failure import InputError, UsageError
from pipeline.moment import Moment


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("anna.jpg", "talk.mp4", "me@home.png", "talk@1"):
        Path(name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("anna.jpg", Moment(Path("anna.jpg"))),
        ("talk.mp4@1.5", Moment(Path("talk.mp4"), 1.5)),
        ("talk.mp4@1:02", Moment(Path("talk.mp4"), 62.0)),
        ("me@home.png", Moment(Path("me@home.png"))),
        ("talk@1", Moment(Path("talk@1"))),
    ],
)
def test_a_photo_or_a_moment_of_a_clip(here: Path, text: str, found: Moment) -> None:
    assert Moment.parse(text) == found


def test_it_is_written_as_it_was_read(here: Path) -> None:
    assert str(Moment.parse("talk.mp4@1.50")) == "talk.mp4@1.5"
    assert str(Moment.parse("anna.jpg")) == "anna.jpg"


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        ("talk.mp4@1:99", UsageError, "60 or more seconds"),
        ("talk.mp4@..", UsageError, "is neither seconds"),
        ("gone.jpg", InputError, r"gone\.jpg cannot be read"),
        ("gone.mp4@1", InputError, r"gone\.mp4 cannot be read"),
        (".", InputError, "is a folder"),
    ],
)
def test_what_is_none_is_told_in_a_sentence(
    here: Path, text: str, kind: type[Exception], said: str
) -> None:
    with pytest.raises(kind, match=said) as told:
        Moment.parse(text)
    assert "\n" not in str(told.value)
