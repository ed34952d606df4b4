"""What a connection leaves behind."""

import subprocess
import sys
from pathlib import Path

import pytest


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
