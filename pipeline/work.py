"""One piece of work: a stage and what it is given. Its key names its result."""

import json
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pipeline.artifact import Ref, layout, qualified_name
from pipeline.signature import signature
from pipeline.stage import Stage

LIBRARIES = ("numpy", "torch", "opencv-python", "av")
"""Their versions take part in every key: an update may change any result in its last bits."""

Given = Ref | tuple[Ref, ...] | None
"""What one input gets: an artifact, all elements of a node, or nothing past an end."""


@dataclass(frozen=True)
class Work:
    """What travels to a worker: settings and references, no arrays.

    ``index`` is the place in a mapped node, None for a node that runs once. ``many``: ``run``
    yields the elements of a list.
    """

    node: str
    index: int | None
    stage: Stage
    inputs: dict[str, Given]
    many: bool
    key: str
    libraries: tuple[tuple[str, str], ...]

    @property
    def label(self) -> str:
        """``latents[12]``, as the plan and Ray's own tools show it."""
        return self.node if self.index is None else f"{self.node}[{self.index}]"


def work(node: str, index: int | None, stage: Stage, inputs: dict[str, Given], many: bool) -> Work:
    """A piece of work under its key."""
    libraries = numeric_libraries()
    return Work(node, index, stage, inputs, many, key_of(stage, inputs, libraries), libraries)


def key_of(
    stage: Stage, inputs: dict[str, Given], libraries: tuple[tuple[str, str], ...] = ()
) -> str:
    """sha256 over all that decides the result, and nothing that does not.

    In it: the stage's class and version, its settings without ``Field(exclude=True)``, the fields
    of what it makes, the keys of its inputs, and the versions of the numeric libraries. Not in it:
    paths, device, threads, the node's name.
    """
    text = json.dumps(
        {
            "stage": qualified_name(type(stage)),
            "version": stage.version,
            "settings": settings_of(stage),
            "made": _made(type(stage)),
            "inputs": keys_of(inputs),
            "libraries": dict(libraries),
        },
        sort_keys=True,
    )
    return sha256(text.encode()).hexdigest()


@cache
def _made(cls: type[Stage]) -> dict[str, list[Any]]:
    return layout(signature(cls).produces)


def settings_of(stage: Stage) -> dict[str, Any]:
    """The settings that change the result, as JSON has them."""
    return stage.model_dump(mode="json")


def keys_of(inputs: dict[str, Given]) -> dict[str, str | list[str] | None]:
    """The keys of what a work is given, by name of the input."""
    return {name: _keys(given) for name, given in inputs.items()}


def _keys(given: Given) -> str | list[str] | None:
    if isinstance(given, tuple):
        return [ref.key for ref in given]
    return None if given is None else given.key


def element_key(key: str, index: int) -> str:
    """The key of one element of a many result."""
    return f"{key}-{index:04d}"


@cache
def numeric_libraries() -> tuple[tuple[str, str], ...]:
    """(name, version) of those libraries that are installed, without the build (``+cpu``)."""
    found = []
    for name in LIBRARIES:
        try:
            found.append((name, version(name).partition("+")[0]))
        except PackageNotFoundError:
            continue
    return tuple(found)
