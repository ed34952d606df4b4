"""Who drives a batch now, and asking them to stop. Hosts share the folder, and nothing else."""

import contextlib
import os
import signal
import socket
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

BEAT = 1.0
"""Seconds between two signs of life of a driver, and two looks at whether it is to stop."""
SILENT = 20.0
"""Seconds without a sign after which a driver counts as gone."""


def drivers(folder: Path) -> list[str]:
    """``host-pid`` of the drivers of a batch's folder that live, to the file system's knowledge."""
    now = _clock(folder)
    alive = []
    for path in (folder / "drivers").glob("*-*"):
        with contextlib.suppress(FileNotFoundError):
            if now - path.stat().st_mtime < SILENT:
                alive.append(path.name)
    return sorted(alive)


def cancel(folder: Path) -> None:
    """Ask all drivers that live now to stop."""
    (folder / "cancel").touch()


class Driving:
    """A context in which this process shows that it drives a batch, and stops when told to.

    The stop is a SIGTERM to this process, so that it ends as any stopped run does.
    """

    def __init__(self, folder: Path) -> None:
        self._cancel = folder / "cancel"
        self._sign = folder / "drivers" / f"{socket.gethostname()}-{os.getpid()}"
        self._done = threading.Event()
        self._beat = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._sign.parent.mkdir(parents=True, exist_ok=True)
        self._sign.touch()
        self._since = self._sign.stat().st_mtime
        self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._beat.join()
        self._sign.unlink(missing_ok=True)

    def _watch(self) -> None:
        while not self._done.wait(BEAT):
            with contextlib.suppress(OSError):  # a shared file system may be away for a moment
                self._sign.touch()
                if self._cancel.exists() and self._cancel.stat().st_mtime > self._since:
                    os.kill(os.getpid(), signal.SIGTERM)
                    return


def _clock(folder: Path) -> float:
    """The time as the file system of a folder has it, which other hosts share."""
    sign = folder / f".clock-{uuid.uuid4().hex}"
    try:
        sign.touch()
        return sign.stat().st_mtime
    except OSError:
        return time.time()
    finally:
        sign.unlink(missing_ok=True)
