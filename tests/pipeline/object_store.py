"""A bucket in memory."""

import threading
from datetime import timedelta
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class ObjectStore(MemoryFileSystem):
    """Keeps objects as a bucket does: whole writes, creation on a condition, nothing is renamed."""

    protocol = "objects"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    _creating = threading.Lock()

    def pipe_file(self, path: str, value: bytes, mode: str = "overwrite", **more: Any) -> None:
        with self._creating:
            super().pipe_file(path, value, mode=mode, **more)

    def mv(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("an object store renames nothing")

    rename = move = mv_file = mv


def objects(url: str) -> list[str]:
    files, top = fsspec.core.url_to_fs(url)
    return sorted(path.removeprefix(top + "/") for path in files.find(top))


def age(url: str, seconds: float, part: str = "") -> None:
    """Let what lies there, of these names, have been written that long ago."""
    files, top = fsspec.core.url_to_fs(url)
    for path in files.find(top):
        if part in path:
            ObjectStore.store[path].modified -= timedelta(seconds=seconds)
