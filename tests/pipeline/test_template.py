"""Names of outputs."""

from pathlib import Path

import pytest

from pipeline.failure import UsageError
from pipeline.template import DEFAULT, FIELDS, check_template, fill


def test_every_documented_field_is_filled() -> None:
    clip = Path("/clips/My {clip}.MOV")
    text = "/".join(f"{{{name}}}" for name in FIELDS)
    filled = fill(check_template(text), clip, ("age=2", "smile=-1"), "draft", 7)
    assert str(filled) == "/clips/My {clip}/.mov/age+2.smile-1/draft/0007"
    assert fill(DEFAULT, clip, ("age=-2",), "draft", 1) == Path("/clips/My {clip}.age-2.mov")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{clip}.mp4", "{clip} is no field"),
        ("{stem.__class__}.mp4", "is no field"),
        ("{stem[0]}.mp4", "is no field"),
        ("{stem!r}.mp4", "{stem!r} is no field"),
        ("{number:>99999999}.mp4", "is no field"),
        ("{}.mp4", "is no field"),
        ("{stem.mp4", "is no template"),
        ("results/", "does not name a file"),
        ("{folder}/..", "does not name a file"),
        ("a\nb.mp4", "does not name a file"),
    ],
)
def test_tricks_are_refused(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_template(text)


def test_a_name_that_no_file_system_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="too long"):
        fill("{stem}.{stem}{ext}", Path("a" * 200 + ".mp4"), ("age=1",), "draft", 1)
