"""The manifest of weights: what each file is, whose terms it is under, and where it can be had.

The data is ``weights_manifest.toml`` beside this file. Sources are tried in the order: a file the
user names, a file shipped with one of our packages, a member of a pinned wheel, a URL. Whatever
the source, a file counts only when it has the sha256 written here.
"""

import hashlib
import tomllib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from pipeline.failure import UsageError

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Kind = Literal[
    "generator", "heads", "direction", "encoder", "faces", "person", "perceptual", "attributes"
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Wheel(_Frozen):
    """A pinned distribution on PyPI of which only some files are of use; it is never installed."""

    project: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+!-]*$")]
    sha256: Sha256
    size: int = Field(gt=0)
    """In bytes."""
    platform: Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")] | None = None
    """Where wheels are one for each platform and Python: which of them, since files in it that are
    no code are the same on all. Its ``python`` then goes with it."""
    python: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")] | None = None

    @property
    def requirement(self) -> str:
        """As pip wants it."""
        return f"{self.project}=={self.version}"


class Member(_Frozen):
    """One file of an entry."""

    file: FileName
    """Its name in the entry's folder."""
    sha256: Sha256
    size: int | None = Field(default=None, gt=0)
    """In bytes, where it is known; more is never read from any source."""
    path: str | None = None
    """Its name inside the wheel."""
    url: Annotated[str, StringConstraints(pattern=r"^https://")] | None = None


class Entry(_Frozen):
    """Weights that are used together under one name."""

    name: Name
    kind: Kind
    about: str
    generator: Name | None = None
    """The generator these weights belong to; they mean nothing to another one."""
    licence: str
    licence_url: Annotated[str, StringConstraints(pattern=r"^https://")]
    commercial: bool
    """False where the terms, or those of what it was derived from, forbid commercial use."""
    default: bool = False
    """Whether a run with default settings needs it."""
    shipped: str | None = None
    """Folder in one of our packages, such as ``configs/heads``."""
    wheel: Wheel | None = None
    member: tuple[Member, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_one_source(self) -> "Entry":
        from_urls = all(member.url for member in self.member)
        if sum((self.shipped is not None, self.wheel is not None, from_urls)) != 1:
            raise ValueError(f"{self.name}: exactly one of shipped, wheel, and a url per member")
        if self.wheel and not all(member.path for member in self.member):
            raise ValueError(f"{self.name}: each member needs its path in the wheel")
        if self.shipped and {"", ".", ".."} & set(PurePosixPath(self.shipped).parts):
            raise ValueError(f"{self.name}: {self.shipped} is not a plain folder of a package")
        if len({member.file for member in self.member}) != len(self.member):
            raise ValueError(f"{self.name}: two members of one name")
        return self

    @property
    def sha256(self) -> str:
        """One digest for all members, whatever their order in the manifest."""
        lines = sorted(f"{member.sha256}  {member.file}\n" for member in self.member)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def size(self) -> int:
        """Of all members together, in bytes, as far as it is known."""
        return sum(member.size or 0 for member in self.member)

    @property
    def source(self) -> str:
        """Where the files come from, in words."""
        if self.wheel:
            return f"PyPI, {self.wheel.requirement}"
        if self.shipped:
            return "shipped with this program"
        return ", ".join(member.url or "" for member in self.member)


class Manifest(_Frozen):
    """All entries, by unique name."""

    entry: tuple[Entry, ...]

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Manifest":
        names = [entry.name for entry in self.entry]
        if len(set(names)) != len(names):
            raise ValueError("two entries of one name")
        return self

    def find(self, name: str) -> Entry:
        """The entry of that name.

        Raises:
            UsageError: there is none.
        """
        for entry in self.entry:
            if entry.name == name:
                return entry
        known = ", ".join(entry.name for entry in self.entry)
        raise UsageError(f"There are no weights called {name!r}; there are: {known}.")


@cache
def load() -> Manifest:
    """The manifest that comes with the program."""
    text = Path(__file__).with_name("weights_manifest.toml").read_text(encoding="utf-8")
    return Manifest.model_validate(tomllib.loads(text))
