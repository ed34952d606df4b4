"""Verified weight files on this machine: where they are, and how they get there."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import Literal

from pipeline import folders
from pipeline.failure import MissingDependency, UsageError
from pipeline.fetch import digest, fetch
from pipeline.manifest import Entry, Manifest, load

State = Literal["ready", "absent", "damaged"]


def quiet(sentence: str) -> None:
    """Tell nobody."""


def named_in(environment: Mapping[str, str]) -> dict[str, Path]:
    """Files the user names: ``PIPELINE_WEIGHTS="name=path"``, several separated by ``os.pathsep``.

    Raises:
        UsageError: a part is not of the form name=path.
    """
    parts = environment.get("PIPELINE_WEIGHTS", "").split(os.pathsep)
    return parse_named([part for part in parts if part])


def parse_named(pairs: Iterable[str]) -> dict[str, Path]:
    """Names to paths, from the values of ``--weights NAME=PATH``.

    Raises:
        UsageError: a value is not of that form.
    """
    named = {}
    for pair in pairs:
        name, equals, path = pair.partition("=")
        if not (name and equals and path):
            raise UsageError(f"--weights {pair!r} is not of the form NAME=PATH.")
        named[name] = Path(path).expanduser()
    return named


class Weights:
    """The weights of a manifest, as verified files in folders.

    An entry is taken from its source once, into ``cache/NAME/``, and is served from there
    afterwards without any network. Files are checked against the manifest at their first use in a
    process, so a damaged cache is noticed, and repaired when a source can be reached.

    Args:
        cache: where entries are kept; ``weights`` in the user's cache folder by default.
        manifest: what there is; the program's own by default.
        named: a path for some entries, tried before every other source.
        offline: never reach for the network; ``PIPELINE_OFFLINE=1`` sets the default.
        say: told, in one sentence, before something is downloaded.
    """

    def __init__(
        self,
        cache: Path | None = None,
        *,
        manifest: Manifest | None = None,
        named: Mapping[str, Path] | None = None,
        offline: bool | None = None,
        say: Callable[[str], None] = quiet,
    ) -> None:
        self.cache = cache or folders.cache() / "weights"
        self.manifest = manifest or load()
        self.named = {**named_in(os.environ), **(named or {})}
        for name in self.named:
            self.manifest.find(name)
        self.offline = os.environ.get("PIPELINE_OFFLINE") == "1" if offline is None else offline
        self._say = say
        self._verified: dict[str, Path] = {}

    def entries(self) -> tuple[Entry, ...]:
        """All there are, in the order of the manifest."""
        return self.manifest.entry

    def folder(self, name: str) -> Path:
        """The folder of an entry's verified files, which are fetched if they are not here yet.

        Raises:
            UsageError: there is no entry of that name.
            MissingDependency: the files cannot be had, or are not the ones that were pinned.
        """
        if name not in self._verified:
            entry = self.manifest.find(name)
            place = self.place(entry)
            if name in self.named or self._problems(entry, place):
                self._fill(entry, place)
            self._verified[name] = place
        return self._verified[name]

    def given(self, name: str) -> tuple[Path, str]:
        """An entry's folder, and the one sha256 that stands for all its files."""
        return self.folder(name), self.manifest.find(name).sha256

    def pull(self, names: Iterable[str] = ()) -> list[Path]:
        """Fetch what is missing of these entries, or of all that a default run needs."""
        wanted = list(names) or [entry.name for entry in self.entries() if entry.default]
        return [self.folder(name) for name in wanted]

    def verify(self, names: Iterable[str] = ()) -> list[str]:
        """What is wrong with these entries' files, or with those of all that are here.

        An entry that was never pulled is a problem only when it is named.
        """
        wanted = [self.manifest.find(name) for name in names]
        here = [entry for entry in self.entries() if self.state(entry) != "absent"]
        return [p for entry in wanted or here for p in self._problems(entry, self.place(entry))]

    def state(self, entry: Entry) -> State:
        """Whether an entry can be used as it lies."""
        place = self.place(entry)
        if not self._problems(entry, place):
            return "ready"
        return "damaged" if place.exists() else "absent"

    def place(self, entry: Entry) -> Path:
        """Where an entry's files are, or will be."""
        if entry.shipped is None:
            return self.cache / entry.name
        package, *inner = PurePosixPath(entry.shipped).parts
        found = find_spec(package)
        roots = found.submodule_search_locations if found else None
        if not roots:
            raise MissingDependency(f"Our package {package} is not installed; install this again.")
        return Path(next(iter(roots)), *inner)

    def _problems(self, entry: Entry, place: Path) -> list[str]:
        problems = []
        for member in entry.member:
            path = place / member.file
            if not path.is_file():
                problems.append(f"{entry.name}: {path} is missing.")
            elif digest(path) != member.sha256:
                problems.append(f"{entry.name}: {path} does not have sha256 {member.sha256}.")
        return problems

    def _fill(self, entry: Entry, place: Path) -> None:
        """Put a complete, verified folder in place, or raise and leave what there was."""
        named = self.named.get(entry.name)
        if entry.shipped is not None:
            if named is not None:
                raise UsageError(f"{entry.name} is shipped with this program; leave it unnamed.")
            raise MissingDependency(
                f"{self._problems(entry, place)[0]} Install this program again."
            )
        if named is None:
            if self.offline:
                raise MissingDependency(
                    f"The weights {entry.name} are not here and PIPELINE_OFFLINE is 1. "
                    f"Run `pipeline weights pull {entry.name}` once with a network, or name a copy "
                    f"with --weights {entry.name}=PATH."
                )
            self._say(f"Taking the weights {entry.name} from {entry.source}, once, into {place}.")
        try:
            self.cache.mkdir(parents=True, exist_ok=True)
            fresh = Path(tempfile.mkdtemp(prefix=f".{entry.name}.", dir=self.cache))
        except OSError as error:
            raise MissingDependency(
                f"The weights {entry.name} cannot be kept in {self.cache} ({error.strerror}). "
                f"Name another folder with PIPELINE_CACHE."
            ) from error
        try:
            fetch(entry, fresh, named)
            self._swap(fresh, place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        if problems := self._problems(entry, place):
            raise MissingDependency(problems[0])

    def _swap(self, fresh: Path, place: Path) -> None:
        """Exchange the entry's folder. Another process that does the same brings the same files."""
        old = fresh.with_name(fresh.name + ".old")
        with suppress(FileNotFoundError):
            place.rename(old)
        with suppress(OSError):
            fresh.rename(place)
        shutil.rmtree(old, ignore_errors=True)
