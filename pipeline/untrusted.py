"""Reading YAML and JSON that somebody else wrote: plain values, of bounded size and depth."""

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from pipeline.failure import UsageError

BYTES = 4 << 20
DEPTH = 16


class _Refused(yaml.YAMLError):
    """What plain YAML may hold, and this may not."""


class _Loader(yaml.SafeLoader):
    """Takes nobody's word for a type, follows no aliases, and lets no key hide another."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise _Refused(f"line {line}: aliases (*name) are not permitted")
        # "!!int ''" and others end in whatever Python's own constructors raise.
        if getattr(self.peek_event(), "tag", None) is not None:  # type: ignore[no-untyped-call]
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise _Refused(f"line {line}: tags (!name) are not permitted")
        self.depth += 1
        if self.depth > DEPTH:
            raise _Refused(f"nested more than {DEPTH} deep")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise _Refused(f"line {line}: a list or a mapping cannot be a key")
            if key.value in seen:
                raise _Refused(f"line {line}: the key {key.value!r} is there twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def read_untrusted(path: Path) -> object:
    """The plain values in a YAML or (``.json``) JSON file.

    Raises:
        UsageError: it cannot be read, is larger than ``BYTES``, nests deeper than ``DEPTH``, uses
            aliases or tags, repeats a key, or is not valid.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}).") from error
    if len(raw) > BYTES:
        raise UsageError(f"{path} is larger than {BYTES >> 20} MiB, the most for a job file.")
    try:
        text = raw.decode("utf-8")
        if path.suffix.lower() == ".json":
            found: object = json.loads(text, object_pairs_hook=_once)
            _shallow(found)
            return found
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader with more refusals
    except Exception as error:  # PyYAML lets through whatever Python's conversions raise
        told = " ".join(str(error).split()) or type(error).__name__
        raise UsageError(f"{path} is not valid YAML or JSON ({told}).") from error


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return found


def _shallow(value: object, depth: int = 1) -> None:
    """Raises ValueError when lists and keys are nested deeper than ``DEPTH``."""
    if depth > DEPTH:
        raise ValueError(f"nested more than {DEPTH} deep")
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            _shallow(each, depth + 1)
