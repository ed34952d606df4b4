"""Batches on clusters that lose machines, workers and the driver. Deaths come on a condition.

The clips are decoded, cropped, inverted with a tiny generator, rendered and encoded for real. What
is bit-equal is compared with an undisturbed run of one process.
"""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.batch_status import read_events
from tests.media_fixtures import moving_picture

MIB = 2**20
EDITS = ("age=+1", "age=+2", "age=-2")
Until = Callable[[Callable[[], bool]], None]
Start = Callable[..., Any]


def make_clip(path: Path, begin: int, frames: int = 6) -> Path:
    """A clip of its own content: FFmpeg's test picture from another second on."""
    return moving_picture(path, "-ss", str(begin), frames=frames)


def overlay(folder: Path) -> Path:
    """A folder that holds ``configs.edit``, as a module that imports the tiny plan."""
    configs = folder / "configs"
    configs.mkdir(parents=True)
    (configs / "__init__.py").touch()
    (configs / "edit.py").write_text("from tests.pipeline.tiny_edit import EditClip as EditClip\n")
    return folder


def hashes(folder: Path) -> dict[str, str]:
    found = sorted(folder.glob("*.mp4"))
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in found}


@dataclass(frozen=True)
class Field:
    """Where a batch runs: clips, outputs, work folder and trouble."""

    clips: Path
    here: Path
    environment: dict[str, str]

    @property
    def trouble(self) -> Path:
        return self.here / "trouble"

    @property
    def out(self) -> Path:
        return self.here / "out"

    def begin(
        self, clips: list[str], edits: tuple[str, ...], *words: str
    ) -> "subprocess.Popen[str]":
        """Start ``pipeline batch``."""
        command = [sys.executable, "-m", "pipeline", "batch", *clips]
        for edit in edits:
            command += ["--edit", edit]
        command += ["-o", f"{self.out}/{{stem}}.{{edits}}{{ext}}", "--threads", "1"]
        environment = self.environment | {"TROUBLE": str(self.trouble)}
        return subprocess.Popen(
            [*command, "--work-dir", str(self.here / "work"), *words],
            cwd=self.clips,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self, name: str) -> None:
        (self.trouble / name).touch()

    def journal(self) -> list[str]:
        path = self.trouble / "journal"
        return path.read_text().splitlines() if path.exists() else []

    def holder(self) -> int | None:
        """The process of the inversion that waits to be killed."""
        held = [int(line.split()[1]) for line in self.journal() if line.startswith("holding")]
        return held[0] if held else None

    def events(self) -> list[dict[str, Any]]:
        (log,) = (self.here / "work").glob("batches/*/events.jsonl")
        return list(read_events(log))

    def nothing_was_done_twice(self) -> Counter[str]:
        """How often each stage of the plan was done, by its name."""
        done = [
            event for event in self.events() if event["event"] == "WorkFinished"
            and not event["reused"]
        ]  # fmt: skip
        assert len({event["key"] for event in done}) == len(done)
        ends = [line for line in self.journal() if line.startswith("ends")]
        assert len(set(ends)) == len(ends)
        return Counter(event["node"].split(".")[1] for event in done)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for n, name in enumerate("abcd"):
        make_clip(folder / f"{name}.mp4", 3 * n)
    return folder


@pytest.fixture
def field(clips: Path, tmp_path: Path, repository: Path) -> Field:
    return make_field(clips, tmp_path / "field", repository)


def make_field(clips: Path, here: Path, repository: Path) -> Field:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PIPELINE_", "RAY_ADDRESS"))}
    path = os.pathsep.join([str(overlay(here / "overlay")), str(repository)])
    (here / "trouble").mkdir()
    environment = {"PYTHONPATH": path, "PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    return Field(clips, here, kept | environment)


@pytest.fixture(scope="module")
def undisturbed(
    clips: Path, tmp_path_factory: pytest.TempPathFactory, repository: Path
) -> dict[str, str]:
    """sha256 of each output of all clips and edits, made in one process without a cluster."""
    field = make_field(clips, tmp_path_factory.mktemp("calm") / "field", repository)
    child = field.begin([f"{name}.mp4" for name in "abcd"], EDITS)
    _, err = child.communicate(timeout=500)
    assert child.returncode == 0, err
    assert field.nothing_was_done_twice() == COUNTS
    return hashes(field.out)


COUNTS = {
    "video": 4, "alignment": 4, "windows": 4, "flow": 8, "inverted": 8, "edits": 12,
    "rendered": 12, "result": 12,
}  # fmt: skip
"""What 12 jobs of 4 clips and 3 edits come to: what they share once, two windows a clip."""


def on_ray(machines: Any, nodes: int = 2) -> tuple[list[str], list[Any]]:
    """The words that send a batch to a cluster, and its nodes with a CPU each."""
    added = [machines.add_node(num_cpus=1, object_store_memory=100 * MIB) for _ in range(nodes)]
    return ["--on", "ray"], added


def finished(child: "subprocess.Popen[str]") -> str:
    out, err = child.communicate(timeout=500)
    assert child.returncode == 0, err
    return out + err


@pytest.mark.slow
def test_a_node_dies_in_an_inversion_of_12_jobs(
    field: Field, cluster: Start, until: Until, undisturbed: dict[str, str]
) -> None:
    """At Ray's own health-check timings."""
    machines = cluster()
    words, nodes = on_ray(machines)
    field.ask("hold")
    field.environment["RAY_ADDRESS"] = machines.address
    child = field.begin([f"{name}.mp4" for name in "abcd"], EDITS, *words)
    until(lambda: field.holder() is not None or child.poll() is not None)
    held = field.holder()
    assert held is not None, child.communicate()
    above = {process.pid for process in psutil.Process(held).parents()}
    (doomed,) = [
        node for node in nodes if node.all_processes["raylet"][0].process.pid in above
    ]  # fmt: skip
    machines.remove_node(doomed, allow_graceful=False)
    told = finished(child)
    assert "its worker was lost in attempt 1" in told
    assert hashes(field.out) == undisturbed
    assert field.nothing_was_done_twice() == COUNTS


@pytest.mark.slow
def test_a_worker_segfaults(
    field: Field, cluster: Start, until: Until, undisturbed: dict[str, str]
) -> None:
    machines = cluster()
    words, _ = on_ray(machines)
    field.ask("segfault")
    field.environment["RAY_ADDRESS"] = machines.address
    told = finished(field.begin(["a.mp4", "b.mp4"], EDITS[:1], *words))
    assert "its worker was lost in attempt 1 (ActorDiedError)" in told
    assert hashes(field.out).items() <= undisturbed.items() and len(hashes(field.out)) == 2
    assert field.nothing_was_done_twice()["inverted"] == 4


@pytest.mark.slow
def test_a_worker_that_is_killed_for_memory_is_told_apart(
    field: Field,
    cluster: Start,
    undisturbed: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = psutil.virtual_memory()
    limit = (memory.total - memory.available + 1536 * MIB) / memory.total
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{limit:.3f}")
    machines = cluster()
    words, _ = on_ray(machines, 1)
    field.ask("memory")
    field.environment["RAY_ADDRESS"] = machines.address
    told = finished(field.begin(["a.mp4"], EDITS[:1], *words))
    assert "its worker was lost in attempt 1 (killed for memory)" in told
    assert hashes(field.out).items() <= undisturbed.items() and len(hashes(field.out)) == 1
    assert field.nothing_was_done_twice()["inverted"] == 2


@pytest.mark.slow
def test_a_driver_is_killed_and_started_again(
    field: Field, cluster: Start, until: Until, undisturbed: dict[str, str]
) -> None:
    machines = cluster()
    words, _ = on_ray(machines)
    field.environment["RAY_ADDRESS"] = machines.address
    first = field.begin(["a.mp4"], EDITS[:1], *words)
    finished(first)
    (field.trouble / "hold").touch()
    batch = (["a.mp4", "b.mp4"], EDITS[:2], *words)
    child = field.begin(*batch)
    until(lambda: field.holder() is not None or child.poll() is not None)
    assert field.holder() is not None, child.communicate()
    child.kill()
    assert child.wait() == -signal.SIGKILL
    finished(field.begin(*batch))
    assert hashes(field.out).items() <= undisturbed.items() and len(hashes(field.out)) == 4
    logs = (field.here / "work").glob("batches/*/events.jsonl")
    done = [
        event["key"] for log in logs for event in read_events(log)
        if event["event"] == "WorkFinished" and not event["reused"]
    ]  # fmt: skip
    assert len(done) == len(set(done)), "nothing is done twice"
    # Beside the work that was held, a worker may have finished one when the driver was gone
    # already: the next driver finds it, and no log tells of it.
    assert 2 * 3 + 4 + 4 + 4 + 4 + 4 - len(done) in (0, 1)


@pytest.mark.slow
def test_three_drivers_share_a_cluster_and_a_store(
    field: Field, cluster: Start, undisturbed: dict[str, str]
) -> None:
    """A batch, the same batch again, and another that has a clip of it: all at once."""
    machines = cluster()
    words, _ = on_ray(machines)
    field.environment["RAY_ADDRESS"] = machines.address
    one = (["a.mp4", "b.mp4"], EDITS[:2], *words)
    children = [field.begin(*one), field.begin(*one)]
    children.append(field.begin(["b.mp4", "c.mp4"], EDITS[2:], *words))
    for child in children:
        finished(child)
    assert hashes(field.out).items() <= undisturbed.items()
    assert len(hashes(field.out)) == 4 + 2
    assert not [path for path in field.out.iterdir() if path.suffix != ".mp4"], "no half file"
    ends = [line for line in field.journal() if line.startswith("ends")]
    assert len(ends) == len(set(ends)) == 3 * 2, "two windows a clip, each inverted once"


@pytest.mark.slow
def test_three_bad_clips_among_nine_good_ones(field: Field, cluster: Start, tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(9):
        make_clip(folder / f"good{n}.mp4", 3 * n, frames=2)
    make_clip(folder / "crash.mp4", 40, frames=2)
    (folder / "broken.mp4").write_bytes((folder / "good0.mp4").read_bytes()[:700])
    moving_picture(folder / "noface.mp4", "-vf", "lutrgb=0:0:0", frames=2)
    machines = cluster()
    words, _ = on_ray(machines)
    field.environment["RAY_ADDRESS"] = machines.address
    here = Field(folder, field.here, field.environment)
    child = here.begin(sorted(path.name for path in folder.iterdir()), EDITS[:1], *words)
    out, err = child.communicate(timeout=500)
    assert child.returncode == 8, err
    assert out.split() == [f"{here.out}/good{n}.age+1.mp4" for n in range(9)]
    table = [line.split() for line in err.partition("3 of 12 jobs failed:\n")[2].splitlines()]
    assert [(line[1], line[4]) for line in table[:3]] == [
        ("broken.mp4", "(3):"),
        ("crash.mp4", "(1):"),
        ("noface.mp4", "(4):"),
    ]
    assert "its worker died in each of 3 attempts" in err
    lost = [e["attempt"] for e in here.events() if e["event"] == "WorkLost"]
    assert lost == [1, 2], "nobody else's worker died"
