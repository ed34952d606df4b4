import json
import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.artifact import Artifact, Ref, codecs, layout, load, save
from tests.pipeline.toy_artifacts import Everything, Numbers, Scale, Source, Tag


def everything(clip: Path, **changes: Any) -> Everything:
    values: dict[str, Any] = {
        "rate": Fraction(30000, 1001),
        "kind": "b",
        "tags": (Tag("x", (1, 2)), Tag("y", (3, 4))),
        "limit": math.inf,
        "note": None,
        "values": np.arange(6, dtype=np.float32).reshape(2, 3),
        "anything": None,
        "file": clip,
    }
    return Everything(**(values | changes))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"frames")
    return path


def test_every_kind_of_field_round_trips(kept: Path, clip: Path) -> None:
    before = everything(clip, anything=np.zeros((0, 4), np.int8))
    save(before, kept)
    after = load(Everything, kept)
    assert (after.rate, after.kind, after.tags) == (before.rate, before.kind, before.tags)
    assert isinstance(after.rate, Fraction)
    assert after.limit == math.inf
    assert after.note is None and after.folder is None
    np.testing.assert_array_equal(after.values, before.values)
    assert after.anything is not None and after.anything.shape == (0, 4)
    assert after.file == kept / "file.mp4"
    assert after.file.read_bytes() == b"frames"
    assert clip.exists(), "a file from outside scratch is copied"


def test_absent_array_stays_absent(kept: Path, clip: Path) -> None:
    save(everything(clip), kept)
    assert load(Everything, kept).anything is None


def test_arrays_are_mapped_and_read_only(kept: Path) -> None:
    save(Numbers(np.arange(3.0)), kept)
    values = load(Numbers, kept).values
    assert isinstance(values, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        values[0] = 1


def test_file_in_scratch_is_moved(kept: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    (scratch / "model").mkdir(parents=True)
    (scratch / "model" / "w.bin").write_bytes(b"w")
    made = scratch / "out.mkv"
    made.write_bytes(b"made")
    save(everything(made, folder=scratch / "model"), kept, scratch=scratch)
    assert not made.exists() and not (scratch / "model").exists()
    after = load(Everything, kept)
    assert after.file.read_bytes() == b"made"
    assert after.folder is not None and (after.folder / "w.bin").read_bytes() == b"w"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"values": np.zeros(3)}, "values is float64, not float32"),
        ({"values": [1.0]}, "values is a list, not an array"),
        ({"file": "clip.mp4"}, "file is a str, not a Path"),
        ({"limit": np.float32(1)}, "limit cannot be written as JSON"),
        ({"kind": "c"}, "kind cannot be written as JSON"),
    ],
)
def test_wrong_values_are_refused(
    kept: Path, clip: Path, change: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(TypeError, match=sentence):
        save(everything(clip, **change), kept)


def test_objects_are_never_pickled(kept: Path, clip: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        save(everything(clip, anything=np.array([{}], dtype=object)), kept)


def test_unknown_kinds_of_field_are_refused() -> None:
    class Opaque:
        pass

    @dataclass(frozen=True)
    class Bad(Artifact):
        thing: Opaque

    Bad.__annotations__["thing"] = Opaque
    with pytest.raises(TypeError, match=r"Bad\.thing"):
        codecs(Bad)


def test_loading_checks_the_json(kept: Path) -> None:
    (kept / "fields.json").write_text(json.dumps({"factor": "much"}))
    with pytest.raises(ValueError, match="valid number"):
        load(Scale, kept)


def test_given_artifacts_are_known_by_content_not_by_path() -> None:
    one, other = Source(Path("a.mp4"), "d1"), Source(Path("b.mp4"), "d1")
    assert Ref.to(one).key == Ref.to(other).key
    assert Ref.to(one).key != Ref.to(Source(Path("a.mp4"), "d2")).key
    assert Ref.to(one).given is one


def test_made_artifacts_cannot_be_given() -> None:
    with pytest.raises(NotImplementedError, match="Scale is made by stages"):
        Ref.to(Scale(2.0))


def test_a_layout_tells_fields_of_nested_dataclasses_too() -> None:
    found = layout(Everything)
    assert list(found)[:3] == ["rate", "kind", "tags"]
    assert found["rate"] == ["<class 'fractions.Fraction'>"]
    assert found["tags"][1] == layout(Tag)
    json.dumps(found)
