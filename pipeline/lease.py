"""Who does a piece of work, among all that share a bucket.

    leases/<key>/<n>.json               who does the work; the largest n holds

A lease shows signs of life while it is held. Clocks differ, so nobody compares them: who waits
watches the sign, and takes over when it has not changed for long.
"""

import contextlib
import json
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath

from pipeline.bucket import Bucket, name_of

BEAT = 5.0
"""Seconds between two signs of life of who holds a lease."""
SILENT = 60.0
"""Seconds without one, by the clock of who waits, after which the lease can be taken over."""


@contextmanager
def leased(bucket: Bucket, key: str) -> Iterator[None]:
    """Wait for the work of this key, and hold it."""
    mine = _take(bucket, f"leases/{key}")
    over = threading.Event()

    def beat() -> None:
        count = 0
        while not over.wait(BEAT):
            count += 1
            with contextlib.suppress(Exception):  # it may be away for a moment
                bucket.write(mine, _sign(count))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with contextlib.suppress(Exception):  # the work is done; whoever waits sees us silent
            bucket.remove(mine)


def held(bucket: Bucket) -> set[str]:
    """The keys of work that somebody holds who showed a sign of life."""
    silent = bucket.now() - SILENT
    return {
        name_of(place)
        for place in bucket.ls("leases")
        if any(bucket.made(path) > silent for path in bucket.ls(place))
    }


def left_before(bucket: Bucket, when: float) -> list[str]:
    """Paths of leases whose last sign is from ``when`` or earlier, by the bucket's clock."""
    return [path for path in bucket.ls("leases/*") if bucket.made(path) <= when]


def _take(bucket: Bucket, place: str) -> str:
    """Wait for the lease. Returns the path of ours."""
    seen, since = b"", time.monotonic()
    while True:
        number, sign = _holder(bucket, place)
        if sign != seen:
            seen, since = sign, time.monotonic()
        if not sign or time.monotonic() - since > SILENT:
            path = f"{place}/{number + 1}.json"
            if bucket.create(path, _sign(0)):
                for old in range(max(number - 8, 0), number + 1):
                    bucket.remove(f"{place}/{old}.json")
                return path
        time.sleep(min(BEAT, SILENT) / 10)


def _holder(bucket: Bucket, place: str) -> tuple[int, bytes]:
    """The largest number under which the lease is held, and its sign; (-1, b"") without."""
    while True:
        bucket.forget(place)
        names = [PurePosixPath(path).stem for path in bucket.ls(place)]
        number = max((int(name) for name in names if name.isdecimal()), default=-1)
        if number < 0:
            return number, b""
        # Given back between the two looks, it must not be taken as n + 1 while others take 0.
        with contextlib.suppress(FileNotFoundError):
            return number, bucket.read(f"{place}/{number}.json")
        time.sleep(BEAT / 100)


def _sign(count: int) -> bytes:
    holder = f"{socket.gethostname()}-{threading.get_native_id()}-{uuid.uuid4().hex}"
    return json.dumps({"holder": holder, "beat": count}).encode()
