"""YAML and JSON from somebody else: plain values come through, bombs and tricks do not."""

from pathlib import Path

import pytest

from pipeline.failure import UsageError
from pipeline.untrusted import BYTES, read_untrusted

BOMB = "a: &a [x, x, x, x]\n" + "\n".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 9)}]" for n in range(9)
)


def written(folder: Path, text: str, name: str = "jobs.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_both_kinds_of_file_give_the_same_values(tmp_path: Path) -> None:
    expected = {"jobs": [{"clips": "a.mp4", "crf": 20, "compare": True, "start": None}]}
    text = "jobs:\n- {clips: a.mp4, crf: 20, compare: true, start: null}\n"
    assert read_untrusted(written(tmp_path, text)) == expected
    text = '{"jobs": [{"clips": "a.mp4", "crf": 20, "compare": true, "start": null}]}'
    assert read_untrusted(written(tmp_path, text, "jobs.json")) == expected


@pytest.mark.parametrize(
    ("text", "name", "why"),
    [
        (BOMB, "a.yaml", "line 2: aliases"),
        ("a: &x [*x]", "a.yaml", "aliases"),
        ("a: !!python/object/apply:os.system [id]", "a.yaml", "line 1: tags"),
        ("a: 1\nb: !!int ''", "a.yaml", "line 2: tags"),
        ("a: !!bool maybe", "a.yaml", "line 1: tags"),
        ("a: !!timestamp x", "a.yaml", "line 1: tags"),
        ("? [a]\n: 1", "a.yaml", "line 1: a list or a mapping cannot be a key"),
        ("a: {{b: 1}: 2}", "a.yaml", "line 1: a list or a mapping cannot be a key"),
        ('a: "\\UFFFFFFFF"', "a.yaml", "is not valid"),
        ("a: 2001-99-99", "a.yaml", "is not valid"),
        ("a: 1\nb: 2\na: 3", "a.yaml", "line 3: the key 'a' is there twice"),
        ('{"a": 1, "a": 2}', "a.json", "the key 'a' is there twice"),
        ("[" * 40 + "]" * 40, "a.yaml", "nested more than 16 deep"),
        ("[" * 40 + "]" * 40, "a.json", "nested more than 16 deep"),
        ("[" * 100_000, "a.json", "is not valid"),
        ("[" * 100_000, "a.yaml", "is not valid"),
        ("a: 1" + "0" * 5000, "a.yaml", "is not valid"),
        ("a: [1", "a.yaml", "is not valid"),
        ("a: \x00", "a.yaml", "is not valid"),
        ("#" * (BYTES + 1), "a.yaml", "is larger than 4 MiB"),
    ],
)
def test_what_could_harm_is_refused(tmp_path: Path, text: str, name: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        read_untrusted(written(tmp_path, text, name))


def test_what_is_no_text_or_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    with pytest.raises(UsageError, match="cannot be read"):
        read_untrusted(path)
    path.write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(UsageError, match="is not valid"):
        read_untrusted(path)
