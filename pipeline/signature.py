"""What a stage's ``load`` and ``run`` say they take and give, read from their annotations."""

import collections.abc
import inspect
import types
import typing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.artifact import Artifact
from pipeline.stage import Stage

_MANY = (collections.abc.Iterator, collections.abc.Iterable, collections.abc.Generator)


@dataclass(frozen=True)
class Input:
    """One parameter: artifact classes it accepts, all of a many node or one, maybe None."""

    name: str
    accepts: tuple[type[Artifact], ...]
    all: bool = False
    optional: bool = False
    required: bool = True

    def takes(self, cls: type[Artifact]) -> bool:
        """Whether an artifact of this class may be given."""
        return issubclass(cls, self.accepts)

    def __str__(self) -> str:
        names = " | ".join(c.__name__ for c in self.accepts)
        names = f"list[{names}]" if self.all else names
        return f"{names} | None" if self.optional else names


@dataclass(frozen=True)
class Signature:
    """The inputs of ``load`` and of ``run`` by name, and what ``run`` returns."""

    load: dict[str, Input]
    run: dict[str, Input]
    loads: bool
    load_context: bool
    run_context: bool
    produces: type[Artifact]
    many: bool

    @cached_property
    def inputs(self) -> dict[str, tuple[Input, ...]]:
        """Every input by name; twice where both ``load`` and ``run`` take it."""
        names = dict.fromkeys((*self.load, *self.run))
        both = (self.load, self.run)
        return {name: tuple(each[name] for each in both if name in each) for name in names}


_SIGNATURES: dict[type[Stage], Signature] = {}


def signature(cls: type[Stage]) -> Signature:
    """Read a stage class.

    Raises:
        TypeError: an annotation is missing or of no kind that a plan can wire.
    """
    if cls not in _SIGNATURES:
        _SIGNATURES[cls] = _read(cls)
    return _SIGNATURES[cls]


def _read(cls: type[Stage]) -> Signature:
    run = getattr(cls, "run", None)
    if run is None:
        raise TypeError(f"{cls.__name__} has no run method")
    for name, setting in cls.model_fields.items():
        if Path in _members(setting.annotation) and not setting.exclude:
            raise TypeError(
                f"{cls.__name__}.{name} is a path, and paths take no part in keys; "
                "say Field(exclude=True)"
            )
    load = getattr(cls, "load", None)
    load_inputs, load_context = _inputs(cls, "load", load, 0) if load else ({}, False)
    run_inputs, run_context = _inputs(cls, "run", run, 1 if load else 0)
    produces, many = _result(cls, typing.get_type_hints(run).get("return"))
    return Signature(
        load_inputs, run_inputs, load is not None, load_context, run_context, produces, many
    )


def _inputs(cls: type, method: str, function: Any, skip: int) -> tuple[dict[str, Input], bool]:
    """The inputs among the parameters after ``self`` and ``skip`` more; whether context is one."""
    hints = typing.get_type_hints(function)
    parameters = list(inspect.signature(function).parameters.values())[1 + skip :]
    inputs = {}
    for parameter in parameters:
        if parameter.name == "context":
            continue
        where = f"{cls.__name__}.{method}: {parameter.name}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise TypeError(f"{where} cannot be given by keyword")
        if parameter.name not in hints:
            raise TypeError(f"{where} has no annotation")
        required = parameter.default is parameter.empty
        inputs[parameter.name] = _input(where, parameter.name, hints[parameter.name], required)
    return inputs, any(p.name == "context" for p in parameters)


def _input(where: str, name: str, annotation: Any, required: bool) -> Input:
    members = _members(annotation)
    optional = types.NoneType in members
    members = tuple(m for m in members if m is not types.NoneType)
    gathers = len(members) == 1 and typing.get_origin(members[0]) is list
    if gathers:
        members = _members(typing.get_args(members[0])[0])
    if not members or not all(isinstance(m, type) and issubclass(m, Artifact) for m in members):
        raise TypeError(f"{where} is annotated {annotation}, which is no artifact class")
    return Input(name, members, gathers, optional, required)


def _members(annotation: Any) -> tuple[Any, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _result(cls: type, annotation: Any) -> tuple[type[Artifact], bool]:
    many = typing.get_origin(annotation) in _MANY
    produced = typing.get_args(annotation)[0] if many else annotation
    if not (isinstance(produced, type) and issubclass(produced, Artifact)):
        raise TypeError(
            f"{cls.__name__}.run returns {annotation}, "
            "which is neither an artifact class nor an Iterator of one"
        )
    return produced, many
