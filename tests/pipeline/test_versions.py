import json

import pytest

from tests.stage_versions import COMMAND, RECORD, Version, complaints, current, normalised


def test_a_stage_whose_source_changed_has_another_version() -> None:
    recorded: dict[str, Version] = json.loads(RECORD.read_text())
    found = complaints(recorded, current())
    assert not found, "\n".join([*found, f"then run: {COMMAND}"])


def test_comments_and_docstrings_do_not_count() -> None:
    bare = "class A:\n    x: int = 1\n    def f(self):\n        return 1\n"
    told = (
        '"""Module."""\nclass A:  # why\n    """A."""\n\n    x: int = 1\n    """X."""\n'
        '    def f(self):\n        """F."""\n        return (1)\n'
    )
    assert normalised(bare) == normalised(told)
    assert normalised(bare) != normalised(bare.replace("return 1", "return 2"))
    assert normalised('def f():\n    """F."""\n') == "def f():\n    pass"


OLD: dict[str, Version] = {"a.B": {"version": 2, "source": "x"}}


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ({"a.B": {"version": 2, "source": "x"}}, None),
        ({"a.B": {"version": 2, "source": "y"}}, "its source changed and its version is still 2"),
        ({"a.B": {"version": 3, "source": "y"}}, "version 3 is not in the record"),
        ({"a.B": {"version": 1, "source": "x"}}, "version 1 is below 2"),
        ({**OLD, "a.C": {"version": 1, "source": "z"}}, "a.C is not in the record"),
        ({}, "a.B is gone"),
    ],
)
def test_what_is_complained_of(found: dict[str, Version], sentence: str | None) -> None:
    said = complaints(OLD, found)
    assert len(said) == (sentence is not None)
    assert sentence is None or sentence in said[0]
