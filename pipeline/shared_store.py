"""Results shared through an object store (an fsspec URL); the local store is then a cache of it.

    URL/artifacts/ab/<key>/<attempt>/...    files of one attempt at publishing
    URL/artifacts/ab/<key>/done.json        which attempt counts, and its record: written last
    URL/leases/...                          who does which work, see ``lease``

Object stores rename nothing, so attempts have folders of their own, and the marker is created only
where there is none. Two that do the same work anyway both finish; the first marker stays.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.bucket import Bucket, folder_of, name_of
from pipeline.lease import held, leased, left_before
from pipeline.store import DONE, A, Done, FileRecord, Missing, Store, measure

FILES, BYTES = 10_000, 64 * 2**30
"""The most that one artifact is let to fetch."""


@dataclass(frozen=True)
class Marker:
    """What ``done.json`` says there."""

    attempt: str
    record: Done


_MARKER = TypeAdapter(Marker)


class SharedStore(Store):
    """A local store that looks for what it has not in a shared one, and gives it what it makes.

    Args:
        root: the local folder, one for each machine.
        url: of the shared folder, as fsspec writes it: ``s3://bucket/folder``.

    Raises:
        MissingDependency: the package for this kind of URL is not installed.
        UsageError: it is no URL.
        OutputRefused: what it names cannot be reached.
    """

    def __init__(self, root: Path, url: str) -> None:
        super().__init__(root)
        self.url: str = url
        self._bucket = Bucket(url)
        self._shelves: dict[str, set[str]] = {}  # what was there when it was last looked at

    def record(self, key: str) -> Done | None:
        """The record of a whole artifact, here or there; None when neither has it."""
        found = super().record(key)
        if found is None and (marker := self._marker(key)) is not None:
            return marker.record
        return found

    def get(self, key: str, cls: type[A]) -> A:
        """As of any store; what is only in the shared one is fetched first."""
        if super().record(key) is None:
            self._fetch(key)
        return super().get(key, cls)

    def known(self) -> Iterator[str]:
        """Of everything that lies here or there, whole or not."""
        yield from sorted({*super().known(), *map(name_of, self._bucket.ls("artifacts/*"))})

    def share(self, key: str) -> None:
        """Copy what is here there, if it went from there. A look at a shelf serves for all on it.

        It is for results that are found, of which there may be very many.
        """
        shelf = self._shelves.get(key[:2])
        if shelf is None:
            found = self._bucket.find(f"artifacts/{key[:2]}")
            shelf = {name_of(folder_of(path)) for path in found if name_of(path) == DONE}
            self._shelves[key[:2]] = shelf
        if key not in shelf:
            self._offer(key)
            shelf.add(key)

    def verify(self, key: str) -> bool:
        """Read every byte, here and there. Each copy that is not as published is discarded."""
        whole = not self.folder(key).exists() or super().verify(key)
        marker = self._marker(key)
        if marker is None:
            if not self._bucket.exists(f"{_place(key)}/{DONE}"):
                return whole
            self._bucket.remove(f"{_place(key)}/{DONE}")  # unreadable, it would stay in the way
            return False
        if all(
            self._as_published(f"{_place(key)}/{marker.attempt}/{name}", file)
            for name, file in marker.record.files.items()
        ):
            return whole
        self._remove_there(key, marker)
        return False

    def remove(self, key: str) -> None:
        """Remove an artifact here and there; copies on other machines stay."""
        if (marker := self._marker(key)) is not None:
            self._remove_there(key, marker)
        self.discard(key)

    def busy(self) -> set[str]:
        """The keys of work that somebody holds, on any machine that showed a sign of life."""
        return super().busy() | held(self._bucket)

    def unfinished(self, seconds: float) -> dict[str, int]:
        """Attempts and leases that killed runs left there, this old or older, and their bytes."""
        before = self._bucket.now() - seconds
        found = dict.fromkeys(left_before(self._bucket, before), 0)
        for place in self._bucket.ls("artifacts/*"):
            marker = self._marker(name_of(place))
            attempts = defaultdict[str, dict[str, int]](dict)
            for path, size in self._bucket.find(place).items():
                name = path[len(place) :].strip("/").partition("/")[0]
                if name not in (DONE, marker and marker.attempt):
                    attempts[f"{place}/{name}"][path] = size
            for attempt, sizes in attempts.items():
                if all(self._bucket.made(path) <= before for path in sizes):
                    found[attempt] = sum(sizes.values())
        return found

    def clear(self, places: Iterable[str]) -> None:
        """Remove what ``unfinished`` named."""
        for place in places:
            self._bucket.remove(place)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the work of this key on this machine, and its lease among all."""
        with super().lock(key), leased(self._bucket, key):
            yield

    def _here(self, key: str) -> bool:
        return super().record(key) is not None

    def _marker(self, key: str) -> Marker | None:
        try:
            return _MARKER.validate_json(self._bucket.read(f"{_place(key)}/{DONE}"))
        except (FileNotFoundError, ValidationError):
            return None

    def _as_published(self, path: str, file: FileRecord) -> bool:
        try:
            return self._bucket.sha256(path) == file.sha256
        except FileNotFoundError:
            return False

    def _remove_there(self, key: str, seen: Marker) -> None:
        """Remove what a marker that was seen names; without the marker nothing else counts."""
        if self._unmark(key, seen):
            self._bucket.remove(f"{_place(key)}/{_inside(seen.attempt)}")
        self._shelves.get(key[:2], set()).discard(key)

    def _unmark(self, key: str, seen: Marker) -> bool:
        """Remove a marker that was seen; False where another has put a new one in its place."""
        marker = self._marker(key)
        if marker is not None and marker.attempt != seen.attempt:
            return False
        self._bucket.remove(f"{_place(key)}/{DONE}")
        return True

    def _offer(self, key: str) -> None:
        """Copy what is here there, unless it has it."""
        done = Store.record(self, key)
        if done is None or self._marker(key) is not None:
            return
        attempt = uuid.uuid4().hex
        for name in done.files:
            self._bucket.put(self.folder(key) / name, f"{_place(key)}/{attempt}/{name}")
        marker = json.dumps({"attempt": attempt, "record": asdict(done)}).encode()
        if not self._bucket.create(f"{_place(key)}/{DONE}", marker):
            self._bucket.remove(f"{_place(key)}/{attempt}")  # another was quicker

    def _fetch(self, key: str) -> None:
        """Copy an artifact here. One that is not as its marker says is taken from the shared store.

        Raises:
            Missing: it is not there, or was damaged.
        """
        marker = self._marker(key)
        if marker is None:
            raise Missing(f"neither {self.root} nor {self.url} holds {key}")
        record = marker.record
        if len(record.files) > FILES or sum(f.bytes for f in record.files.values()) > BYTES:
            raise Missing(f"{key} in {self.url} is larger than is fetched")
        with self._staged() as folder:
            for name, file in record.files.items():
                to = folder / _inside(name)
                to.parent.mkdir(parents=True, exist_ok=True)
                try:
                    self._bucket.get(f"{_place(key)}/{_inside(marker.attempt)}/{name}", to)
                except FileNotFoundError:
                    self._damaged(key, name, marker)
                if measure(to) != file:
                    self._damaged(key, name, marker)
            (folder / DONE).write_text(json.dumps(asdict(record), indent=1))
            self._move_in(folder, key)

    def _damaged(self, key: str, name: str, seen: Marker) -> NoReturn:
        self._unmark(key, seen)
        raise Missing(f"{name} of {key} in {self.url} was damaged; run again to make it anew")


def open_store(root: Path, url: str | None) -> Store:
    """The store of a work folder, shared where a URL is given."""
    return Store(root) if url is None else SharedStore(root, url)


def _place(key: str) -> str:
    return f"artifacts/{key[:2]}/{key}"


def _inside(name: str) -> str:
    """A relative path that stays where it is put; what a marker says is not trusted."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise Missing(f"{name!r} is no file of an artifact")
    return name
