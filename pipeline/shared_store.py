"""Results shared through an object store (an fsspec URL); the local store is then a cache of it.

    URL/artifacts/ab/<key>/<attempt>/...    files of one attempt at publishing
    URL/artifacts/ab/<key>/done.json        which attempt counts, and its record: written last
    URL/leases/<key>/<n>.json               who does the work; the largest n holds

Object stores rename nothing, so attempts have folders of their own, and the marker is created only
where there is none. Two that do the same work anyway both finish; the first marker stays.
"""

import contextlib
import json
import math
import socket
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from pipeline.failure import MissingDependency, OutputRefused, UsageError
from pipeline.store import DONE, A, Done, FileRecord, Missing, Store, measure

BEAT = 5.0
"""Seconds between two signs of life of who holds a lease."""
SILENT = 60.0
"""Seconds without one, by the clock of who waits, after which the lease can be taken over."""
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
        self._files, self._top = _open(url)
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
        yield from sorted({*super().known(), *(_name(path) for path in self._ls("artifacts/*"))})

    def share(self, key: str) -> None:
        """Copy what is here there, if it went from there. A look at a shelf serves for all on it.

        It is for results that are found, of which there may be very many.
        """
        shelf = self._shelves.get(key[:2])
        if shelf is None:
            found = self._files.find(f"{self._top}/artifacts/{key[:2]}")
            shelf = {_name(_folder(path)) for path in found if _name(path) == DONE}
            self._shelves[key[:2]] = shelf
        if key not in shelf:
            self._offer(key)
            shelf.add(key)

    def verify(self, key: str) -> bool:
        """Read every byte, here and there. Each copy that is not as published is discarded."""
        whole = not self.folder(key).exists() or super().verify(key)
        marker = self._marker(key)
        if marker is None:
            if not self._files.exists(f"{self._place(key)}/{DONE}"):
                return whole
            self._remove(f"{self._place(key)}/{DONE}")  # unreadable, it would stay in the way
            return False
        if all(
            self._as_published(f"{self._place(key)}/{marker.attempt}/{name}", file)
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
        silent = self._now() - SILENT
        leases = {_name(place): self._ls(f"leases/{_name(place)}") for place in self._ls("leases")}
        alive = {key for key, files in leases.items() if any(self._made(f) > silent for f in files)}
        return super().busy() | alive

    def unfinished(self, seconds: float) -> dict[str, int]:
        """Attempts and leases that killed runs left there, this old or older, and their bytes."""
        before, found = self._now() - seconds, dict[str, int]()
        for place in self._ls("artifacts/*"):
            marker = self._marker(_name(place))
            attempts = defaultdict[str, dict[str, int]](dict)
            for path, info in self._files.find(place, detail=True).items():
                name = str(path)[len(place) :].strip("/").partition("/")[0]
                if name not in (DONE, marker and marker.attempt):
                    attempts[f"{place}/{name}"][path] = int(info["size"] or 0)
            for attempt, sizes in attempts.items():
                if all(self._made(path) <= before for path in sizes):
                    found[attempt] = sum(sizes.values())
        for place in self._ls("leases/*"):
            if self._made(place) <= before:
                found[place] = 0
        return found

    def clear(self, places: Iterable[str]) -> None:
        """Remove what ``unfinished`` named."""
        for place in places:
            self._remove(place)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the work of this key on this machine, and its lease among all."""
        with super().lock(key), self._lease(key):
            yield

    def _here(self, key: str) -> bool:
        return super().record(key) is not None

    def _place(self, key: str) -> str:
        return f"{self._top}/artifacts/{key[:2]}/{key}"

    def _marker(self, key: str) -> Marker | None:
        try:
            return _MARKER.validate_json(self._files.cat_file(f"{self._place(key)}/{DONE}"))
        except (FileNotFoundError, ValidationError):
            return None

    def _ls(self, pattern: str) -> list[str]:
        """Paths there, one level of them; ``*`` stands for a whole level above."""
        places = [self._top]
        for part in pattern.split("/"):
            if part == "*":
                places = [path for place in places for path in self._listed(place)]
            else:
                places = [f"{place}/{part}" for place in places]
        return [path for place in places for path in self._listed(place)]

    def _listed(self, place: str) -> list[str]:
        try:
            return [str(path).rstrip("/") for path in self._files.ls(place, detail=False)]
        except FileNotFoundError:
            return []

    def _made(self, path: str) -> float:
        """When it was written, by the clock there; of what is gone NaN, neither old nor new."""
        try:
            return self._stamp(path)
        except FileNotFoundError:
            return math.nan

    def _stamp(self, path: str) -> float:
        when: datetime = self._files.modified(path)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()

    def _now(self) -> float:
        """The time, by the clock there."""
        probe = f"{self._top}/probe-{uuid.uuid4().hex}"
        self._files.pipe_file(probe, b"")
        try:
            return self._stamp(probe)
        finally:
            self._remove(probe)

    def _as_published(self, path: str, file: FileRecord) -> bool:
        try:
            with self._files.open(path, "rb") as opened:
                return file_digest(opened, "sha256").hexdigest() == file.sha256
        except FileNotFoundError:
            return False

    def _remove_there(self, key: str, seen: Marker) -> None:
        """Remove what a marker that was seen names; without the marker nothing else counts."""
        if self._unmark(key, seen):
            self._remove(f"{self._place(key)}/{_inside(seen.attempt)}")
        self._shelves.get(key[:2], set()).discard(key)

    def _unmark(self, key: str, seen: Marker) -> bool:
        """Remove a marker that was seen; False where another has put a new one in its place."""
        marker = self._marker(key)
        if marker is not None and marker.attempt != seen.attempt:
            return False
        self._remove(f"{self._place(key)}/{DONE}")
        return True

    def _offer(self, key: str) -> None:
        """Copy what is here there, unless it has it."""
        done = Store.record(self, key)
        if done is None or self._marker(key) is not None:
            return
        attempt = uuid.uuid4().hex
        for name in done.files:
            self._files.put_file(self.folder(key) / name, f"{self._place(key)}/{attempt}/{name}")
        marker = json.dumps({"attempt": attempt, "record": asdict(done)}).encode()
        if not self._create(f"{self._place(key)}/{DONE}", marker):
            self._remove(f"{self._place(key)}/{attempt}")  # another was quicker

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
                    self._files.get_file(f"{self._place(key)}/{_inside(marker.attempt)}/{name}", to)
                except FileNotFoundError:
                    self._damaged(key, name, marker)
                if measure(to) != file:
                    self._damaged(key, name, marker)
            (folder / DONE).write_text(json.dumps(asdict(record), indent=1))
            self._move_in(folder, key)

    def _damaged(self, key: str, name: str, seen: Marker) -> NoReturn:
        self._unmark(key, seen)
        raise Missing(f"{name} of {key} in {self.url} was damaged; run again to make it anew")

    @contextmanager
    def _lease(self, key: str) -> Iterator[None]:
        place = f"{self._top}/leases/{key}"
        mine = self._take(place)
        over = threading.Event()

        def beat() -> None:
            count = 0
            while not over.wait(BEAT):
                count += 1
                with contextlib.suppress(Exception):  # it may be away for a moment
                    self._files.pipe_file(mine, _sign(count))

        thread = threading.Thread(target=beat, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._remove(mine)

    def _take(self, place: str) -> str:
        """Wait for the lease. Returns the path of ours."""
        seen, since = b"", time.monotonic()
        while True:
            number, sign = self._holder(place)
            if sign != seen:
                seen, since = sign, time.monotonic()
            if not sign or time.monotonic() - since > SILENT:
                path = f"{place}/{number + 1}.json"
                if self._create(path, _sign(0)):
                    for old in range(max(number - 8, 0), number + 1):
                        self._remove(f"{place}/{old}.json")
                    return path
            time.sleep(min(BEAT, SILENT) / 10)

    def _holder(self, place: str) -> tuple[int, bytes]:
        """The largest number under which the lease is held, and its sign; (-1, b"") without."""
        self._files.invalidate_cache(place)
        try:
            names = [PurePosixPath(path).stem for path in self._files.ls(place, detail=False)]
        except FileNotFoundError:
            return -1, b""
        number = max((int(name) for name in names if name.isdecimal()), default=-1)
        try:
            return number, self._files.cat_file(f"{place}/{number}.json")
        except FileNotFoundError:
            return number, b""

    def _create(self, path: str, data: bytes) -> bool:
        """Write a file where there is none; False where there is one that says something else."""
        try:
            self._files.pipe_file(path, data, mode="create")
        except Exception:  # each file system has its own for what exists
            self._files.invalidate_cache(_folder(path))
            try:
                # Ours may have been written by an attempt whose answer was lost.
                return bytes(self._files.cat_file(path)) == data
            except FileNotFoundError:
                pass
            raise
        return True

    def _remove(self, path: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._files.rm(path, recursive=True)


def open_store(root: Path, url: str | None) -> Store:
    """The store of a work folder, shared where a URL is given."""
    return Store(root) if url is None else SharedStore(root, url)


def _open(url: str) -> tuple[Any, str]:
    """The file system of a URL, and the path in it."""
    import fsspec

    if "://" not in url:
        raise UsageError(f"{url} is no URL; --store takes one, such as s3://bucket/folder.")
    try:
        # Only folders of a file system have to be there before files; a bucket is never made.
        more = {"auto_mkdir": True} if url.startswith(("file://", "local://")) else {}
        # What others write has to be seen: a listing that is kept would say that it is not there.
        files, top = fsspec.core.url_to_fs(url, use_listings_cache=False, **more)
    except ImportError as error:
        raise MissingDependency(f"{url} needs a package that is not installed: {error}.") from error
    except ValueError as error:
        raise UsageError(f"{url} cannot be opened: {error}.") from error
    top = top.rstrip("/")
    try:
        probe = f"{top}/probe-{uuid.uuid4().hex}"
        files.pipe_file(probe, b"")
        files.rm(probe)
    except Exception as error:  # each file system has its own
        raise OutputRefused(f"{url} cannot be reached: {error}.") from error
    return files, top


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _sign(count: int) -> bytes:
    holder = f"{socket.gethostname()}-{threading.get_native_id()}-{uuid.uuid4().hex}"
    return json.dumps({"holder": holder, "beat": count}).encode()


def _inside(name: str) -> str:
    """A relative path that stays where it is put; what a marker says is not trusted."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or not path.parts:
        raise Missing(f"{name!r} is no file of an artifact")
    return name
