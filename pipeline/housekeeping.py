"""What lies in a store, what of it can go, and whether it is still what was published.

A store that is shared through a URL is looked through there as well as here.
"""

import contextlib
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.failure import UsageError
from pipeline.receipt import forgotten
from pipeline.shared_store import SharedStore
from pipeline.store import DAY, Store


@dataclass(frozen=True)
class Kept:
    """A result in a store. ``bytes`` that it takes, without what its elements take."""

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
    for key in store.known():
        record = store.record(key)
        if record is not None:
            made = record.provenance
            stage = made.stage.rpartition(".")[2]
            yield Kept(key, stage, made.node, _taken(store, key), record.made, made.seconds)


def damaged(store: Store) -> list[str]:
    """Read every byte. What is not as published is discarded, so that it is made anew.

    Returns:
        The keys that were discarded.
    """
    return [key for key in list(store.known()) if not store.verify(key)]


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
    busy = store.busy()
    if older is not None and busy:
        place = store.url or store.root
        raise UsageError(f"{len(busy)} pieces of work are being done in {place}; wait.")
    left = [p for p in (store.root / "staging").iterdir() if _age(p, now) > DAY]
    left += [
        p
        for p in (store.root / "scratch").iterdir()
        if p.name not in busy and _age(p, now) > (older if older is not None else DAY)
    ]
    there = store.unfinished(DAY) if isinstance(store, SharedStore) else {}
    results = []
    for key in store.known():
        record = store.record(key)
        if record is None:
            # In a bucket that may be an attempt that is under way; ``unfinished`` tells.
            if store.folder(key).exists():
                results.append(key)
        elif not store.has(key) or (older is not None and now - record.made >= older):
            results.append(key)
    receipts = forgotten(store.root)
    taken = sum(map(_size, (*left, *receipts))) + sum(_taken(store, key) for key in results)
    swept = Swept(len(results), len(left) + len(there), len(receipts), taken + sum(there.values()))
    if not dry_run:
        if older is not None and store.busy():
            raise UsageError("Work began meanwhile; nothing was removed.")
        for key in results:
            if store.record(key) is None:
                store.discard(key)  # there, another may have published it since
            else:
                store.remove(key)
        if isinstance(store, SharedStore):
            store.clear(there)
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        for path in receipts:
            path.unlink(missing_ok=True)
    return swept


def _taken(store: Store, key: str) -> int:
    """Bytes of a result: here if it is here, else there."""
    folder, record = store.folder(key), store.record(key)
    if folder.exists() or record is None:
        return _size(folder)
    return sum(file.bytes for file in record.files.values())


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def _age(path: Path, now: float) -> float:
    with contextlib.suppress(FileNotFoundError):
        return now - path.stat().st_mtime
    return 0.0
