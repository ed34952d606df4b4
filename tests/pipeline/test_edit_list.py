"""Which comma parts two edits, and which one's keyframes."""

import pytest

from pipeline.edit_list import split_edits


@pytest.mark.parametrize(
    ("text", "edits"),
    [
        ("age=+2", ["age=+2"]),
        ("age=+2,smile=-1", ["age=+2", "smile=-1"]),
        (" age=+2 , smile=-1 ,", ["age=+2", "smile=-1"]),
        ("smile=0@0s,+2@1.5s", ["smile=0@0s,+2@1.5s"]),
        ("smile=0@0s, 2@1.5s ,-.5@2s,age=1", ["smile=0@0s,2@1.5s,-.5@2s", "age=1"]),
        ("age=+2,smile=0@0s,+2@0:01.5,yaw=1", ["age=+2", "smile=0@0s,+2@0:01.5", "yaw=1"]),
        ("age=1,track:1:age=2@0s,3@1s", ["age=1", "track:1:age=2@0s,3@1s"]),
        ("age=+2,smile", ["age=+2", "smile"]),
        ("age=+2,help", ["age=+2", "help"]),
        ("+2@1s,age=2", ["+2@1s", "age=2"]),
        ("", []),
    ],
)
def test_a_part_without_an_equals_sign_that_begins_like_a_number_goes_on(
    text: str, edits: list[str]
) -> None:
    assert split_edits(text) == edits
    assert split_edits(",".join(edits)) == edits
