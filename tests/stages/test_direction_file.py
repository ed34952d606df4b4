"""Direction files: there and back, and nothing else is taken for one."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.numpy import save_file

from pipeline.failure import InputError
from stages.artifacts import F32
from stages.direction_file import (
    HEADER,
    Below,
    DirectionHeader,
    open_direction,
    read_below,
    read_direction,
    write_direction,
)

AGE = DirectionHeader(
    name="age",
    generator="tiny",
    rows=(0, 1, 2),
    sigma=2.5,
    mean=-0.5,
    years_per_sigma=9.0,
    correlation=0.8,
    orthogonal_to=("gender",),
    made_by="a test",
    licence="none",
)


def unit(size: int = 16) -> F32:
    vector = np.arange(1, size + 1, dtype=np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_a_direction_comes_back_as_it_was(tmp_path: Path) -> None:
    written = write_direction(tmp_path / "age.safetensors", AGE, unit())
    header, vector = read_direction(written.file)
    assert header == AGE
    np.testing.assert_array_equal(vector, unit())
    assert vector.dtype == np.float32
    assert open_direction(written.file) == written
    assert written.name == "age" and len(written.sha256) == 64


TWO_SIDED = AGE.model_copy(update={"below": Below(sigma=4.0, years_per_sigma=6.0, correlation=0.7)})


def test_negative_strengths_may_have_a_vector_of_their_own(tmp_path: Path) -> None:
    other = unit()[::-1].copy()
    written = write_direction(tmp_path / "two.safetensors", TWO_SIDED, unit(), other)
    header, vector = read_direction(written.file)
    assert header == TWO_SIDED
    np.testing.assert_array_equal(vector, unit())
    np.testing.assert_array_equal(read_below(written.file), other)
    one = write_direction(tmp_path / "one.safetensors", AGE, unit())
    np.testing.assert_array_equal(read_below(one.file), unit())


def test_a_second_vector_and_its_unit_go_together(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="go together"):
        write_direction(tmp_path / "a.safetensors", TWO_SIDED, unit())
    with pytest.raises(ValueError, match="go together"):
        write_direction(tmp_path / "b.safetensors", AGE, unit(), unit())
    lacking = {HEADER: TWO_SIDED.model_dump_json()}
    save_file({"direction": unit()}, tmp_path / "c.safetensors", lacking)
    with pytest.raises(InputError, match="not a direction file"):
        read_direction(tmp_path / "c.safetensors")


def test_shares_are_for_every_row_or_for_none(tmp_path: Path) -> None:
    for shares in ((1.0, 0.5), (1.0, 0.5, -0.1), (1.0, 0.5, 3.0)):
        below = {"sigma": 4.0, "correlation": 0.7, "shares": shares}
        header = json.dumps({**json.loads(AGE.model_dump_json()), "below": below})
        path = tmp_path / "wrong.safetensors"
        save_file({"direction": unit(), "below": unit()}, path, {HEADER: header})
        with pytest.raises(InputError, match="not a direction file"):
            read_direction(path)


def test_the_identity_is_the_content_and_not_the_place(tmp_path: Path) -> None:
    a = write_direction(tmp_path / "a.safetensors", AGE, unit())
    b = write_direction(tmp_path / "b.safetensors", AGE, unit())
    c = write_direction(tmp_path / "c.safetensors", AGE.model_copy(update={"sigma": 2.6}), unit())
    assert a.identity() == b.identity() != c.identity()


def garbage(path: Path, kind: str) -> None:
    header = {HEADER: AGE.model_dump_json()}
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("age=+2")
        case "pickle":
            path.write_bytes(pickle.dumps({"direction": unit()}))
        case "torch":
            torch.save({"direction": torch.tensor(unit())}, path)
        case "numpy":
            with path.open("wb") as file:
                np.save(file, unit())
        case "no header":
            save_file({"direction": unit()}, path)
        case "bad header":
            save_file({"direction": unit()}, path, {HEADER: '{"name": "age"}'})
        case "more in the header":
            text = AGE.model_dump_json().replace("{", '{"run": "rm -rf", ', 1)
            save_file({"direction": unit()}, path, {HEADER: text})
        case "no vector":
            save_file({"other": unit()}, path, header)
        case "matrix":
            save_file({"direction": np.ones((2, 8), np.float32)}, path, header)
        case "nan":
            save_file({"direction": np.full(16, np.nan, np.float32)}, path, header)


@pytest.mark.parametrize(
    "kind",
    [
        *("empty", "text", "pickle", "torch", "numpy", "no header", "bad header"),
        *("more in the header", "no vector", "matrix", "nan"),
    ],
)
def test_anything_else_is_refused_in_one_sentence(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "age.safetensors"
    garbage(path, kind)
    with pytest.raises(InputError, match=r"age\.safetensors is not a direction file"):
        open_direction(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^There is no direction file .*age\.safetensors\.$"):
        open_direction(tmp_path / "age.safetensors")


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "sprung",))  # type: ignore[return-value]

    path = tmp_path / "age.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError):
        open_direction(path)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "wrong",
    [{"name": "../age"}, {"name": "Age"}, {"sigma": 0.0}, {"correlation": 1.5}, {"other": 1}],
)
def test_headers_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DirectionHeader.model_validate(AGE.model_dump() | wrong)
