"""Run the product as a user does: its command line, in a process watched from outside."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.acceptance.lines import ROOT, code
from tests.acceptance.memory import folder_bytes, high_water, tree_bytes

SAMPLE_SECONDS = 0.2
DISK_SECONDS = 5.0
SPARED = 30
"""Looking takes no more than one part in so many: each look walks the pages of all processes."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended. ``result`` is the path it reported, "" if none; ``report`` its JSON.

    ``warm``: its work folder was not empty at the start, so that its cost says little.
    """

    exit_code: int
    seconds: float
    peak_bytes: int
    disk_bytes: int
    load: float
    result: str
    stderr: str
    report: dict
    code: str
    warm: bool

    @property
    def output(self) -> Path:
        if not self.result:
            raise RuntimeError(f"the run reported no result; exit {self.exit_code}: {self.stderr}")
        return Path(self.result)


def run(
    folder: Path,
    clip: Path,
    arguments: list[str],
    work: Path,
    fresh: bool = False,
    clear: bool = False,
    strike: Callable[[int], None] | None = None,
    output: Path | None = None,
) -> Outcome:
    """``pipeline run CLIP ...``; what it said and cost is kept in ``folder/outcome.json``.

    A finished outcome of the same code and arguments is returned as it stands.

    Args:
        folder: takes the result and the logs; emptied first.
        clip: the input.
        arguments: after the clip, without ``-o``, ``--json`` and ``--work-dir``.
        work: the product's work folder, shared by runs that may reuse each other's artifacts.
        fresh: run even when there is an outcome.
        output: where the result is to go, instead of the folder.
        clear: empty the work folder before a run, so that its cost is that of a first run.
        strike: called up to five times a second with the process id, that of a group; it may kill.
    """
    record = folder / "outcome.json"
    command = [sys.executable, "-m", "pipeline", "run", str(clip), *arguments]
    target = output or folder / f"result{clip.suffix}"
    command += ["-o", str(target), "--json", "--work-dir", str(work)]
    if record.is_file() and not fresh:
        kept = json.loads(record.read_text())
        if kept.pop("command") == command and kept["code"] == code():
            return Outcome(**kept)
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    if clear and work.exists():
        shutil.rmtree(work)
    outcome = _watch(command, folder, work, strike)
    record.write_text(json.dumps({**asdict(outcome), "command": command}, indent=1))
    return outcome


def _watch(
    command: list[str], folder: Path, work: Path, strike: Callable[[int], None] | None
) -> Outcome:
    warm = work.is_dir() and any(work.iterdir())
    start = time.monotonic()
    with (folder / "stdout.txt").open("w") as out, (folder / "stderr.txt").open("w") as err:
        process = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=ROOT, start_new_session=True
        )
        peak = disk = 0
        looked = start
        try:
            while True:
                done, status = os.waitpid(process.pid, os.WNOHANG)
                if done:
                    break
                sampled = time.monotonic()
                # The kernel's own high-water mark closes the gaps between samples.
                peak = max(peak, tree_bytes(process.pid), high_water(process.pid))
                if time.monotonic() - looked > DISK_SECONDS:
                    looked = time.monotonic()
                    disk = max(disk, folder_bytes(work))
                if strike is not None:
                    strike(process.pid)
                time.sleep(max(SAMPLE_SECONDS, SPARED * (time.monotonic() - sampled)))
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
    stdout, stderr = ((folder / f"{n}.txt").read_text() for n in ("stdout", "stderr"))
    report = _last_json(stdout)
    result = str(find(report, "output") or "")
    return Outcome(
        exit_code=process.returncode,
        seconds=time.monotonic() - start,
        peak_bytes=peak,
        disk_bytes=max(disk, folder_bytes(work)),
        load=os.getloadavg()[0],
        result=result,
        stderr=stderr[-2000:],
        report=report,
        code=code(),
        warm=warm,
    )


def _last_json(stdout: str) -> dict:
    """The one object that ``--json`` prints; {} when there is none."""
    try:
        found = json.loads(stdout)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def find(report: object, *names: str) -> object:
    """The first value stored under one of ``names`` anywhere in a nested report, or None."""
    queue = [report]
    while queue:
        node = queue.pop(0)
        if isinstance(node, dict):
            for name in names:
                if name in node:
                    return node[name]
            queue.extend(node.values())
        elif isinstance(node, list):
            queue.extend(node)
    return None
