"""What a connection leaves behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.ray_connection import PRESTART


@pytest.mark.slow
def test_connections_leave_no_thread_behind(repository: Path) -> None:
    code = """
import contextlib
from pathlib import Path
import ray
from pipeline.ray_connection import connect

def unnamed():
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
            names.append((task / "comm").read_text())
    return names.count(Path("/proc/self/comm").read_text())

found = []
for _ in range(3):
    connect(None, 1, 0)
    ray.get(ray.put("x"))
    ray.shutdown()
    found.append(unnamed())
print(*found)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=repository, capture_output=True, text=True, check=True
    )
    first, second, third = done.stdout.split()
    assert first == second == third, "Ray's exporter of metrics goes on"


@pytest.mark.slow
@pytest.mark.parametrize("asked", [None, "1"])
def test_our_own_cluster_starts_no_worker_unasked(repository: Path, asked: str | None) -> None:
    """A worker that Ray starts for a driver is there at once; one who wants such may say so."""
    code = """
import os, time
from pathlib import Path
import ray
from pipeline.ray_connection import connect

def children(parent):
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            status = (process / "stat").read_text().rpartition(")")[2].split()
            words = (process / "cmdline").read_text()
        except OSError:  # it ended meanwhile
            continue
        if int(status[1]) == parent:
            found[int(process.name)] = words
    return found

connect(None, 2, 0)
time.sleep(2)
(raylet,) = [pid for pid, words in children(os.getpid()).items() if "--raylet_socket" in words]
workers = ("default_worker.py", "ray::IDLE")  # before and after it tells what it is
print(sum(any(w in words for w in workers) for words in children(raylet).values()))
ray.shutdown()
"""
    variables = {k: v for k, v in os.environ.items() if k != PRESTART}
    variables |= {PRESTART: asked} if asked else {}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=repository, env=variables, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stdout) == (2 if asked else 0)
