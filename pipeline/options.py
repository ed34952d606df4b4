"""The options of ``pipeline run`` and where each may come from.

Precedence: flag, then ``PIPELINE_*`` in the environment, then the file named by ``--config``, then
``pipeline.toml`` or ``pipeline.yaml`` in the current folder, then the user's ``config.toml`` or
``config.yaml``, then the default. What could destroy something (``--overwrite``, ``--restart``) and
where the result goes are said on the command line or not at all.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline import folders
from pipeline.edit_list import split_edits
from pipeline.face_list import with_photographs
from pipeline.failure import UsageError
from pipeline.precision import Chosen, Wanted, choose

TIMECODE = re.compile(r"(?:(?:(\d+):)?(\d{1,2}):)?(\d+(?:\.\d+)?)")


def seconds(value: object) -> object:
    """Seconds (``12.5``) or a timecode (``1:02.5``, ``00:01:02.5``) as seconds."""
    if not isinstance(value, str):
        return value
    found = TIMECODE.fullmatch(value.strip())
    if not found:
        raise ValueError("is neither seconds (12.5) nor a timecode (00:01:02.5)")
    hours, minutes, rest = found.groups()
    if minutes is not None and float(rest) >= 60:
        raise ValueError("has 60 or more seconds in a minute")
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest)


def edits(value: object) -> object:
    """A comma list of edits, or several of them, as one list."""
    items = [value] if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        return value
    return [edit for item in items for edit in split_edits(str(item))]


def several(value: object) -> object:
    """One value, or a list of them, as a list."""
    return [value] if isinstance(value, str | int | float) else value


def whole_paths(face: str) -> str:
    """A face's selector with whole paths of photographs: a batch may go on in another folder."""
    return with_photographs(face, lambda path: str(Path(path).absolute()))


Time = Annotated[float, BeforeValidator(seconds), Field(ge=0)]
Whole = Annotated[Path, AfterValidator(Path.absolute)]
"""A batch may go on in another folder."""


class RunOptions(BaseModel):
    """What a run can be told by a flag, the environment or a file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    edit: Annotated[tuple[str, ...], BeforeValidator(edits)] = ()
    direction: Annotated[tuple[Whole, ...], BeforeValidator(several)] = ()
    transfer: Annotated[tuple[str, ...], BeforeValidator(several)] = ()
    transfer_mode: Annotated[tuple[Literal["motion", "change"], ...], BeforeValidator(several)] = ()
    transfer_what: Annotated[tuple[str, ...], BeforeValidator(several)] = ()
    transfer_strength: Annotated[tuple[float, ...], BeforeValidator(several)] = ()
    transfer_end: Annotated[tuple[Literal["hold", "loop"], ...], BeforeValidator(several)] = ()
    face: Annotated[str, AfterValidator(whole_paths)] = "largest"
    identity: Whole | None = None
    start: Time | None = None
    end: Time | None = None
    preset: Literal["draft", "standard"] = "standard"
    precision: Wanted = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    on: Literal["local", "ray"] = "local"
    codec: str | None = None
    crf: float | None = Field(default=None, ge=0, le=63)
    compare: bool = False
    clamp: bool = False
    threads: int | None = Field(default=None, ge=1)
    strict: bool = False
    profile: bool = False
    work_dir: Path | None = None
    store: str | None = None
    weights: dict[str, Path] = Field(default_factory=dict)

    @property
    def chosen_precision(self) -> Chosen:
        """The precision that was asked for, or what ``auto`` is for these options here."""
        return choose(self.precision, self.device, motion=bool(self.transfer))


def resolve(
    flags: Mapping[str, object],
    config: Path | None,
    environment: Mapping[str, str],
    here: Path,
) -> RunOptions:
    """Merge all sources by precedence. Flags that are None were not given.

    Raises:
        UsageError: a file cannot be read, a key is unknown or a value not permitted; it says where.
    """
    layers: list[tuple[str, dict[str, object]]] = []
    for stem in (folders.config() / "config", here / "pipeline"):
        for path in (stem.with_suffix(".toml"), stem.with_suffix(".yaml")):
            if path.is_file():
                layers.append((str(path), read(path)))
    if config is not None:
        layers.append((str(config), read(config)))
    layers.append(("the environment", from_environment(environment)))
    layers.append(("", {key: value for key, value in flags.items() if value is not None}))

    merged: dict[str, object] = {}
    for place, values in layers:
        _check(place, values)
        merged.update(values)
    options = _check("", merged)
    if options.start is not None and options.end is not None and options.end <= options.start:
        raise UsageError(f"--end {options.end} s is not after --start {options.start} s.")
    return options


def work_folder(named: Path | None) -> Path:
    """Where work that resumes is kept: as named by a flag, else by the environment or a file.

    Raises:
        UsageError: as of ``resolve``.
    """
    chosen = resolve({"work_dir": named}, None, os.environ, Path.cwd()).work_dir
    return (chosen or folders.cache() / "work").absolute()


def _check(place: str, values: dict[str, object]) -> RunOptions:
    try:
        return RunOptions.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        where = f"in {place}" if place else "on the command line"
        if first["type"] == "extra_forbidden":
            known = ", ".join(RunOptions.model_fields)
            raise UsageError(f"Unknown option {key!r} {where}; there are: {known}.") from error
        told = first["msg"].removeprefix("Value error, ")
        told = told[0].lower() + told[1:]
        raise UsageError(f"{key} {where}: {first['input']!r}: {told}.") from error


def from_environment(environment: Mapping[str, str]) -> dict[str, object]:
    """Options from ``PIPELINE_PRESET`` and the like.

    Others with that beginning are left alone: build systems set some (``PIPELINE_WORKSPACE``).
    ``PIPELINE_WEIGHTS`` is read where the weights are.
    """
    values: dict[str, object] = {}
    for key in RunOptions.model_fields:
        given = environment.get(f"PIPELINE_{key.upper()}", "")
        if given and key != "weights":
            values[key] = given
    return values


def read(path: Path) -> dict[str, object]:
    """The settings in a YAML or TOML file. YAML is read without any object construction.

    Raises:
        UsageError: the file cannot be read, or holds something else than keys and values.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = tomllib.loads(text) if path.suffix == ".toml" else yaml.safe_load(text)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, yaml.YAMLError) as error:
        told = " ".join(str(error).split())
        raise UsageError(f"{path} is not valid TOML or YAML ({told}).") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no keys and values.")
    return {str(key).replace("-", "_"): value for key, value in found.items()}
