"""What lies in a store, what of it can go, and whether it is still what was published."""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.failure import UsageError
from pipeline.receipt import forgotten
from pipeline.store import DAY, Store


@dataclass(frozen=True)
class Kept:
    """A result in a store. ``bytes`` on the disk, without what its elements take."""

    key: str
    stage: str
    node: str
    bytes: int
    made: float
    seconds: float


@dataclass(frozen=True)
class Swept:
    """What was removed, or would be."""

    results: int = 0
    unfinished: int = 0
    receipts: int = 0
    bytes: int = 0


def kept(store: Store) -> Iterator[Kept]:
    """Every whole result, in no order."""
    for folder in _folders(store):
        record = store.record(folder.name)
        if record is not None:
            made = record.provenance
            stage = made.stage.rpartition(".")[2]
            size = _size(folder)
            yield Kept(folder.name, stage, made.node, size, record.made, made.seconds)


def damaged(store: Store) -> list[str]:
    """Read every byte. What is not as published is discarded, so that it is made anew.

    Returns:
        The keys that were discarded.
    """
    found = []
    for folder in list(_folders(store)):
        if folder.exists() and not store.verify(folder.name):
            found.append(folder.name)
    return found


def sweep(store: Store, *, older: float | None = None, dry_run: bool = False) -> Swept:
    """Remove what killed runs left, notes of outputs that are gone, and old results if asked to.

    Args:
        store: the store.
        older: also results that were made this many seconds ago or longer.
        dry_run: remove nothing.

    Raises:
        UsageError: ``older`` is given while work is being done in the store: it could need them.
    """
    now = time.time()
    busy = [lock.stem for lock in (store.root / "locks").iterdir() if _held(lock)]
    if older is not None and busy:
        raise UsageError(f"{len(busy)} pieces of work are being done in {store.root}; wait.")
    left = [p for p in (store.root / "staging").iterdir() if _age(p, now) > DAY]
    left += [
        p
        for p in (store.root / "scratch").iterdir()
        if p.name not in busy and _age(p, now) > (older if older is not None else DAY)
    ]
    results = []
    for folder in _folders(store):
        record = store.record(folder.name)
        whole = record is not None and store.has(folder.name)
        if not whole or (older is not None and record and now - record.made >= older):
            results.append(folder)
    receipts = forgotten(store.root)
    swept = Swept(
        len(results), len(left), len(receipts), sum(map(_size, (*left, *results, *receipts)))
    )
    if not dry_run:
        for folder in results:
            store.discard(folder.name)
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        for path in receipts:
            path.unlink(missing_ok=True)
    return swept


def _folders(store: Store) -> Iterator[Path]:
    for shelf in sorted((store.root / "artifacts").iterdir()):
        yield from sorted(shelf.iterdir())


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _age(path: Path, now: float) -> float:
    with contextlib.suppress(FileNotFoundError):
        return now - path.stat().st_mtime
    return 0.0


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
