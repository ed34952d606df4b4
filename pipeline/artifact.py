"""What stages pass to each other: frozen dataclasses that know how to lie in a folder.

A field's annotation says how it is kept: an ``np.ndarray`` (or ``NDArray[...]``) as one ``.npy``
file, loaded memory-mapped and read-only; a ``Path`` as a file or folder inside the artifact;
everything else as JSON through pydantic (``Fraction`` exactly, tuples, nested dataclasses).
Nothing is ever pickled.
"""

import json
import shutil
import types
import typing
from dataclasses import dataclass, field, fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import numpy as np
from pydantic import PydanticSchemaGenerationError, TypeAdapter

FIELDS = "fields.json"

Codec = Literal["npy", "path", "json"]
A = TypeVar("A", bound="Artifact")


class Artifact:
    """Base of what flows along the edges of a plan. Subclasses are frozen dataclasses."""

    def identity(self) -> str:
        """What identifies an artifact that comes from outside, such as its bytes' sha256.

        Only artifacts that are given to a plan override this; those that stages make are
        identified by the work that made them.
        """
        raise NotImplementedError(
            f"{type(self).__name__} is made by stages and cannot be given to a plan: "
            "it does not define identity()"
        )


def qualified_name(cls: type) -> str:
    """``module.Class``: the name of stages and artifacts in keys and records."""
    return f"{cls.__module__}.{cls.__qualname__}"


@dataclass(frozen=True)
class Ref:
    """A name for an artifact, small enough to travel. ``given`` is set for those from outside."""

    key: str
    type: type[Artifact]
    given: Artifact | None = field(default=None, compare=False)

    @classmethod
    def to(cls, given: Artifact) -> Self:
        """A reference to an artifact from outside: its key is its class and identity."""
        text = f"{type(given).__name__}:{given.identity()}"
        return cls(sha256(text.encode()).hexdigest(), type(given), given)


@dataclass(frozen=True)
class FieldCodec:
    """How one field is kept. ``dtype`` is None where the annotation leaves it open."""

    name: str
    codec: Codec
    dtype: np.dtype[Any] | None = None
    json: TypeAdapter[Any] | None = None


_CODECS: dict[type[Artifact], tuple[FieldCodec, ...]] = {}


def codecs(cls: type[Artifact]) -> tuple[FieldCodec, ...]:
    """The codec of each field of an artifact class, in order.

    Raises:
        TypeError: a field's type can be kept in none of the three ways.
    """
    if cls not in _CODECS:
        hints = typing.get_type_hints(cls)
        named = fields(cls)  # type: ignore[arg-type]  # subclasses are dataclasses
        _CODECS[cls] = tuple(_codec(cls, f.name, hints[f.name]) for f in named)
    return _CODECS[cls]


def layout(cls: type) -> dict[str, list[Any]]:
    """Fields and their annotations, those of nested dataclasses too, as JSON can have them.

    What was stored with one layout is not read with another, so this takes part in keys.
    """
    hints = typing.get_type_hints(cls)
    return {
        f.name: [str(hints[f.name]), *(layout(inner) for inner in _dataclasses_in(hints[f.name]))]
        for f in fields(cls)
    }


def _dataclasses_in(annotation: Any) -> list[type]:
    if isinstance(annotation, type) and is_dataclass(annotation):
        return [annotation]
    return [found for inner in typing.get_args(annotation) for found in _dataclasses_in(inner)]


def _codec(cls: type[Artifact], name: str, annotation: Any) -> FieldCodec:
    plain = _without_none(annotation)
    if plain is np.ndarray or typing.get_origin(plain) is np.ndarray:
        return FieldCodec(name, "npy", dtype=_dtype(plain))
    if plain is Path:
        return FieldCodec(name, "path")
    try:
        return FieldCodec(name, "json", json=TypeAdapter(annotation))
    except PydanticSchemaGenerationError as error:
        raise TypeError(
            f"{cls.__name__}.{name}: {annotation} is neither an array, a Path, "
            "nor a type that pydantic can write as JSON"
        ) from error


def _without_none(annotation: Any) -> Any:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        rest = [a for a in typing.get_args(annotation) if a is not types.NoneType]
        if len(rest) == 1:
            return rest[0]
    return annotation


def _dtype(annotation: Any) -> np.dtype[Any] | None:
    """The dtype in ``NDArray[np.float32]``; None for a bare ``np.ndarray`` or ``NDArray[Any]``."""
    if typing.get_origin(annotation) is None:
        return None
    scalar = typing.get_args(typing.get_args(annotation)[1])
    if scalar and isinstance(scalar[0], type) and issubclass(scalar[0], np.generic):
        try:
            return np.dtype(scalar[0])
        except TypeError:  # an abstract kind such as np.floating
            return None
    return None


def save(artifact: Artifact, folder: Path, *, scratch: Path | None = None) -> None:
    """Write an artifact's fields into ``folder``, which exists and is empty.

    Args:
        artifact: what to write.
        folder: where to.
        scratch: files and folders below it are moved, all others are copied.

    Raises:
        TypeError: a value is not of its annotated type.
    """
    values: dict[str, Any] = {}
    for codec in codecs(type(artifact)):
        value = getattr(artifact, codec.name)
        where = f"{type(artifact).__name__}.{codec.name}"
        if value is None:
            values[codec.name] = None
        elif codec.codec == "npy":
            _save_array(value, folder / f"{codec.name}.npy", codec.dtype, where)
        elif codec.codec == "path":
            values[codec.name] = _save_path(value, folder, codec.name, scratch, where)
        else:
            assert codec.json is not None
            try:
                values[codec.name] = codec.json.dump_python(value, mode="json", warnings="error")
                codec.json.validate_python(values[codec.name])
            except ValueError as error:  # pydantic's errors of both kinds
                raise TypeError(f"{where} cannot be written as JSON: {error}") from error
    (folder / FIELDS).write_text(json.dumps(values, indent=1))


def _save_array(value: object, path: Path, dtype: np.dtype[Any] | None, where: str) -> None:
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{where} is a {type(value).__name__}, not an array")
    if dtype is not None and value.dtype != dtype:
        raise TypeError(f"{where} is {value.dtype}, not {dtype} as annotated")
    np.save(path, value, allow_pickle=False)


def _save_path(value: object, folder: Path, name: str, scratch: Path | None, where: str) -> str:
    if not isinstance(value, Path):
        raise TypeError(f"{where} is a {type(value).__name__}, not a Path")
    source = value.resolve()
    if not source.exists():
        raise FileNotFoundError(f"{where}: there is no {value}")
    kept = name if source.is_dir() else name + source.suffix
    if scratch is not None and source.is_relative_to(scratch.resolve()):
        shutil.move(source, folder / kept)
    elif source.is_dir():
        shutil.copytree(source, folder / kept)
    else:
        shutil.copyfile(source, folder / kept)
    return kept


def load(cls: type[A], folder: Path) -> A:
    """Read an artifact of exactly this class back. Arrays are memory-mapped and read-only.

    Raises:
        ValueError: the folder does not hold what the class needs.
        OSError: a file is missing.
    """
    values = json.loads((folder / FIELDS).read_text())
    loaded: dict[str, Any] = {}
    for codec in codecs(cls):
        if codec.codec == "npy":
            absent = codec.name in values  # only None is noted there
            loaded[codec.name] = None if absent else _load_array(folder / f"{codec.name}.npy")
        elif codec.codec == "path":
            kept = values[codec.name]
            loaded[codec.name] = None if kept is None else (folder / kept).absolute()
        else:
            assert codec.json is not None
            loaded[codec.name] = codec.json.validate_python(values[codec.name])
    return cls(**loaded)


def _load_array(path: Path) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
