"""Results in folders named by the key of the work that made them. Finished means present.

    root/artifacts/ab/<key>/    a result: done.json, fields.json, arrays and files
    root/staging/               results being written; renamed into place when whole
    root/scratch/<key>/         what a stage keeps between attempts at the same work
    root/locks/<key>.lock       held while the work is done

The root is private to its user (mode 0700): what is derived from faces is biometric.
"""

import contextlib
import fcntl
import json
import os
import shutil
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from hashlib import file_digest
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from pipeline import artifact as fields
from pipeline.artifact import Artifact, Ref, qualified_name

DONE = "done.json"
DAY = 86400.0
A = TypeVar("A", bound=Artifact)


@dataclass(frozen=True)
class FileRecord:
    """A file of an artifact, to tell whether it is still what was published."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """How a result came to be, so that a folder explains itself."""

    node: str
    stage: str
    version: int
    settings: dict[str, Any]
    inputs: dict[str, Any]
    libraries: dict[str, str]
    index: int | None = None
    seconds: float = 0.0
    peak_rss: int = 0
    host: str = ""


@dataclass(frozen=True)
class Done:
    """The record in ``done.json``. ``elements`` is None but for the list of a many result."""

    artifact: str
    made: float
    files: dict[str, FileRecord]
    provenance: Provenance
    elements: tuple[str, ...] | None = None


_RECORD = TypeAdapter(Done)


class Missing(LookupError):
    """An artifact that is asked for is not in the store, or not whole."""


class Store:
    """A folder of artifacts, shared by all workers, safe for several runs at once."""

    url: str | None = None
    """Of what it is shared through beside its folder, see ``shared_store``."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for name in ("artifacts", "staging", "scratch", "locks"):
            (self.root / name).mkdir(exist_ok=True)

    def folder(self, key: str) -> Path:
        """Where the artifact of this key lies, or would lie."""
        return self.root / "artifacts" / key[:2] / key

    def record(self, key: str) -> Done | None:
        """The record of a whole artifact; None when it is absent, partial or truncated."""
        folder = self.folder(key)
        try:
            done = _RECORD.validate_json((folder / DONE).read_bytes())
            sizes = {name: (folder / name).stat().st_size for name in done.files}
        except (OSError, ValidationError):
            return None
        whole = all(sizes[name] == file.bytes for name, file in done.files.items())
        return done if whole else None

    def has(self, key: str) -> bool:
        """Whether the result is there and whole: a list with all of its elements."""
        done = self.record(key)
        return done is not None and all(self.record(e) is not None for e in done.elements or ())

    def elements(self, key: str) -> tuple[str, ...]:
        """The keys of a many result's elements, in order.

        Raises:
            Missing: the list is not there.
        """
        done = self.record(key)
        if done is None or done.elements is None:
            raise Missing(f"the store holds no list {key}")
        return done.elements

    def load(self, ref: Ref) -> Artifact:
        """The artifact a reference names. Arrays are memory-mapped and read-only.

        Raises:
            Missing: it is not there, or not whole.
        """
        return ref.given if ref.given is not None else self.get(ref.key, ref.type)

    def get(self, key: str, cls: type[A]) -> A:
        """The artifact of this key, as ``cls`` or the subclass of it that was stored.

        Raises:
            Missing: it is not there, or not whole.
            TypeError: it is of another class.
        """
        done = self.record(key)
        if done is None:
            raise Missing(f"the store holds no whole {cls.__name__} {key}")
        return fields.load(_named(cls, done.artifact), self.folder(key))

    def publish(
        self, key: str, artifact: Artifact, provenance: Provenance, *, scratch: Path | None = None
    ) -> None:
        """Store an artifact under its key, at once or not at all.

        When another has published the same key meanwhile, its copy stays.

        Args:
            key: the key of the work, or of one element of it.
            artifact: what to store. Its files below ``scratch`` are moved, others copied.
            provenance: what ``done.json`` is to say.
            scratch: the scratch folder of the work.
        """
        with self._staged() as folder:
            fields.save(artifact, folder, scratch=scratch)
            self._finish(folder, key, qualified_name(type(artifact)), provenance, None)

    def publish_list(self, key: str, elements: tuple[str, ...], provenance: Provenance) -> None:
        """Store that a many result is finished and consists of these published elements."""
        with self._staged() as folder:
            self._finish(folder, key, "", provenance, elements)

    @contextmanager
    def _staged(self) -> Iterator[Path]:
        folder = self.root / "staging" / uuid.uuid4().hex
        folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)  # gone already when it was published

    def _finish(
        self,
        folder: Path,
        key: str,
        artifact: str,
        provenance: Provenance,
        elements: tuple[str, ...] | None,
    ) -> None:
        paths = sorted(p for p in folder.rglob("*") if p.is_file())
        files = {str(p.relative_to(folder)): measure(p) for p in paths}
        provenance = replace(provenance, host=socket.gethostname())
        done = Done(artifact, time.time(), files, provenance, elements)
        (folder / DONE).write_text(json.dumps(asdict(done), indent=1))
        for path in (*paths, folder / DONE, *(p for p in folder.rglob("*") if p.is_dir()), folder):
            _sync(path)
        self._move_in(folder, key)
        self._offer(key)

    def _offer(self, key: str) -> None:
        """Give what was published to whom the store is shared with: here, nobody."""

    def _move_in(self, folder: Path, key: str) -> None:
        """Rename a whole staged folder into place, unless another was quicker."""
        target = self.folder(key)
        target.parent.mkdir(exist_ok=True)
        while not self._here(key):
            self.discard(key)  # what is there is not whole
            try:
                folder.rename(target)
            except OSError:
                if not target.exists():
                    raise
                continue  # another was quicker; see whether its copy is whole
            _sync(target.parent)
            return

    def _here(self, key: str) -> bool:
        return self.has(key)

    def known(self) -> Iterator[str]:
        """Of everything that lies here, whole or not."""
        for shelf in sorted((self.root / "artifacts").iterdir()):
            yield from sorted(path.name for path in shelf.iterdir())

    def share(self, key: str) -> None:
        """See that whom the store is shared with has what is here: here, nobody."""

    def remove(self, key: str) -> None:
        """Remove an artifact from wherever it is kept."""
        self.discard(key)

    def busy(self) -> set[str]:
        """The keys of work that somebody holds."""
        return {lock.stem for lock in (self.root / "locks").iterdir() if _held(lock)}

    def discard(self, key: str) -> None:
        """Remove an artifact from this folder. Those who have it mapped keep their view."""
        aside = self.root / "staging" / uuid.uuid4().hex
        try:
            self.folder(key).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def verify(self, key: str) -> bool:
        """Whether every file still has the bytes that were published. If not, it is discarded."""
        done = Store.record(self, key)  # of what lies here
        folder = self.folder(key)
        if done is not None and all(measure(folder / n) == f for n, f in done.files.items()):
            return all(self.verify(element) for element in done.elements or ())
        self.discard(key)
        return False

    def sweep(self, seconds: float = DAY) -> None:
        """Remove what killed runs left half written, longer ago than any publishing takes."""
        for left in (self.root / "staging").iterdir():
            with contextlib.suppress(FileNotFoundError):
                if left.stat().st_mtime < time.time() - seconds:
                    shutil.rmtree(left, ignore_errors=True)

    def scratch(self, key: str) -> Path:
        """The folder of one work's unfinished state. It survives until ``clear_scratch``."""
        folder = self.root / "scratch" / key
        folder.mkdir(exist_ok=True)
        return folder

    def clear_scratch(self, key: str) -> None:
        """Remove a work's scratch folder, once its result is published."""
        shutil.rmtree(self.root / "scratch" / key, ignore_errors=True)

    @contextmanager
    def lock(self, key: str) -> Iterator[None]:
        """Hold the work of this key; wait while another process does. It ends with its holder."""
        path = self.root / "locks" / f"{key}.lock"
        while True:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)
                if _same_file(path, handle):
                    break
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # its last holder removed the file that was waited for
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            os.close(handle)


def _named(cls: type[A], name: str) -> type[A]:
    """The class of this name among ``cls`` and its subclasses; nothing is imported by name."""
    if qualified_name(cls) == name:
        return cls
    for subclass in cls.__subclasses__():
        try:
            return _named(subclass, name)
        except TypeError:
            continue
    raise TypeError(f"the store holds a {name}, which is no {cls.__name__}")


def _held(lock: Path) -> bool:
    """Whether a process holds it. One that nobody holds is left where it is."""
    try:
        handle = os.open(lock, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(handle)


def measure(path: Path) -> FileRecord:
    """Size and digest of a file as it is."""
    with path.open("rb") as file:
        return FileRecord(path.stat().st_size, file_digest(file, "sha256").hexdigest())


def _same_file(path: Path, handle: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
