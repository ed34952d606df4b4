"""An object store, or any other place that fsspec has a URL for.

Object stores rename nothing and know no folders; what they can is to create a file where there is
none. Their clock is the one that all who share them see.
"""

import contextlib
import math
import uuid
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from pipeline.failure import MissingDependency, OutputRefused, UsageError


class Bucket:
    """The folder that a URL names. Paths are relative to it.

    Raises:
        MissingDependency: the package for this kind of URL is not installed.
        UsageError: it is no URL.
        OutputRefused: what it names cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url: str = url
        self.files, self._top = _open(url)
        probe = _probe()
        try:
            self.write(probe, b"")
            self.files.rm(self._at(probe))
        except Exception as error:  # each file system has its own
            raise OutputRefused(f"{url} cannot be reached: {error}.") from error

    def read(self, path: str) -> bytes:
        """Raises FileNotFoundError."""
        return bytes(self.files.cat_file(self._at(path)))

    def write(self, path: str, data: bytes) -> None:
        self.files.pipe_file(self._at(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Write a file where there is none; False where there is one that says something else."""
        try:
            self.files.pipe_file(self._at(path), data, mode="create")
        except Exception:  # each file system has its own for what exists
            self.files.invalidate_cache(self._at(folder_of(path)))
            try:
                # Ours may have been written by an attempt whose answer was lost.
                return self.read(path) == data
            except FileNotFoundError:
                pass
            raise
        return True

    def put(self, source: Path, path: str) -> None:
        """Copy a file there."""
        self.files.put_file(source, self._at(path))

    def get(self, path: str, to: Path) -> None:
        """Copy a file here. Raises FileNotFoundError."""
        self.files.get_file(self._at(path), to)

    def sha256(self, path: str) -> str:
        """Raises FileNotFoundError."""
        with self.files.open(self._at(path), "rb") as opened:
            return file_digest(opened, "sha256").hexdigest()

    def exists(self, path: str) -> bool:
        return bool(self.files.exists(self._at(path)))

    def remove(self, path: str) -> None:
        """With all that is below it. What is gone already is gone."""
        with contextlib.suppress(FileNotFoundError):
            self.files.rm(self._at(path), recursive=True)

    def ls(self, pattern: str) -> list[str]:
        """Paths there, one level of them; ``*`` stands for a whole level above."""
        places = [""]
        for part in pattern.split("/"):
            if part == "*":
                places = [path for place in places for path in self._listed(place)]
            else:
                places = [f"{place}/{part}".lstrip("/") for place in places]
        return [path for place in places for path in self._listed(place)]

    def find(self, place: str) -> dict[str, int]:
        """The bytes of every file below a path."""
        found = self.files.find(self._at(place), detail=True)
        return {self._relative(path): int(info["size"] or 0) for path, info in found.items()}

    def made(self, path: str) -> float:
        """When it was written, by the clock there; of what is gone NaN, neither old nor new."""
        try:
            return self._stamp(path)
        except FileNotFoundError:
            return math.nan

    def now(self) -> float:
        """The time, by the clock there."""
        probe = _probe()
        self.write(probe, b"")
        try:
            return self._stamp(probe)
        finally:
            self.remove(probe)

    def forget(self, place: str) -> None:
        """What was seen there may have changed."""
        self.files.invalidate_cache(self._at(place))

    def _at(self, path: str) -> str:
        return f"{self._top}/{path}" if path else self._top

    def _relative(self, path: str) -> str:
        return path[len(self._top) :].strip("/")

    def _listed(self, place: str) -> list[str]:
        try:
            return [
                self._relative(str(path)) for path in self.files.ls(self._at(place), detail=False)
            ]
        except FileNotFoundError:
            return []

    def _stamp(self, path: str) -> float:
        when: datetime = self.files.modified(self._at(path))
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def name_of(path: str) -> str:
    return path.rpartition("/")[2]


def folder_of(path: str) -> str:
    return path.rpartition("/")[0]


def _probe() -> str:
    return f"probe-{uuid.uuid4().hex}"


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
    return files, top.rstrip("/")
