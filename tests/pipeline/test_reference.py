"""How a reference is named."""

import os
from pathlib import Path

import pytest

from pipeline.failure import InputError, UsageError
from pipeline.reference import Reference


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("talk.mp4", Reference(Path("talk.mp4"))),
        ("talk.mp4@1.5-3", Reference(Path("talk.mp4"), 1.5, 3.0)),
        ("a/talk.mp4@0:59.5-1:02", Reference(Path("a/talk.mp4"), 59.5, 62.0)),
        ("me@home.mp4", Reference(Path("me@home.mp4"))),
        ("me@home.mp4@0-1", Reference(Path("me@home.mp4"), 0.0, 1.0)),
    ],
)
def test_a_clip_or_a_part_of_it(text: str, found: Reference) -> None:
    assert Reference.parse(text) == found


def test_a_file_of_that_very_name_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("talk@1-2").touch()
    assert Reference.parse("talk@1-2") == Reference(Path("talk@1-2"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("talk.mp4@3-3", "is empty: 3 s is not after 3 s"),
        ("talk.mp4@3-1.5", "is empty: 1.5 s is not after 3 s"),
        ("talk.mp4@1:99-2:00", "has 60 or more seconds in a minute"),
        ("talk.mp4@1..5-2", "is neither seconds"),
    ],
)
def test_a_range_that_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as told:
        Reference.parse(text)
    assert "\n" not in str(told.value)


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.mp4 cannot be read \(No such file"):
        Reference(tmp_path / "gone.mp4").check()
    with pytest.raises(InputError, match="is a folder"):
        Reference(tmp_path).check()
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(InputError, match="is not a regular file"):
        Reference(tmp_path / "pipe.mp4").check()
