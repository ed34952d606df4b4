"""Memory of a process, what it started, and the size of a folder."""

import contextlib
import os
from pathlib import Path

import psutil


def tree_bytes(pid: int) -> int:
    """Proportional set size of a process tree: shared pages are counted once. 0 when it is gone."""
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(_bytes(process.pid) for process in family)


def high_water(pid: int) -> int:
    """The most one process has had resident since it was started; 0 when it is gone.

    Not ``ru_maxrss``: that begins with what the parent had when it forked.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for row in status.splitlines():
        if row.startswith("VmHWM:"):
            return int(row.split()[1]) * 1024
    return 0


def ray_workers(driver: int) -> list[int]:
    """Processes below a driver that do a work, by the titles that Ray gives them: its name."""
    found = []
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(driver).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                title = "".join(process.cmdline()[:1])
                # Others have a class's, as Board and DashboardAgent; in a batch, works begin with a
                # number.
                if title.startswith("ray::") and not title[5:6].isupper():
                    found.append(process.pid)
    return found


def _bytes(pid: int) -> int:
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        try:
            return psutil.Process(pid).memory_info().rss
        except psutil.Error:
            return 0
    for row in rollup.splitlines():
        if row.startswith("Pss:"):
            return int(row.split()[1]) * 1024
    return 0


def folder_bytes(folder: Path) -> int:
    """Bytes that a folder's files occupy; files that vanish meanwhile do not count."""
    total = 0
    for path, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(path) / name).lstat().st_size
            except OSError:
                continue
    return total
