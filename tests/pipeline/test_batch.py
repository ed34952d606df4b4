"""``pipeline batch``, ``status``, ``retry`` and ``cancel`` as a user has them, with a toy plan."""

import json
import shlex
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.batch_status import read_events
from tests.pipeline import test_cli
from tests.pipeline.test_cli import Program

program = test_cli.program
Until = Callable[[Callable[[], bool]], None]

THREE = "jobs: [{clips: '*.mp4', edits: [age=+2, age=-2], output: '{stem}.{edits}.mkv'}]"


def work(program: Program) -> Path:
    return Path(program.environment["PIPELINE_CACHE"]) / "work"


def events(program: Program) -> list[dict[str, Any]]:
    """Of all batches."""
    logs = sorted(work(program).glob("batches/*/events.jsonl"))
    return [event for log in logs for event in read_events(log)]


def fresh(program: Program) -> Counter[str]:
    """How often each work was really done, by key."""
    return Counter(
        e["key"] for e in events(program) if e["event"] == "WorkFinished" and not e["reused"]
    )


def begun(program: Program, words: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        program.arguments(*words),
        cwd=program.folder,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def file(program: Program, text: str, name: str = "jobs.yaml") -> None:
    (program.folder / name).write_text(text)


def test_shared_work_is_done_once_and_again_is_nothing(program: Program) -> None:
    for name in "abc":
        program.clip(f"{name}.mp4", f"good {name}")
    file(program, THREE)
    first = program("batch", "jobs.yaml")
    outputs = [f"{name}.age{sign}2.mkv" for name in "abc" for sign in "+-"]
    assert first.code == 0, first.err
    assert first.out.split() == [str(program.folder / name) for name in outputs]
    assert (program.folder / "b.age-2.mkv").read_text() == "good b ('age=-2',)"
    done = [e["node"].split(".")[1] for e in events(program) if e["event"] == "WorkStarted"]
    assert Counter(done) == {"read": 3, "result": 6}

    stamps = [(program.folder / name).stat().st_mtime_ns for name in outputs]
    again = program("batch", "jobs.yaml")
    assert (again.code, again.out) == (0, first.out)
    assert [(program.folder / name).stat().st_mtime_ns for name in outputs] == stamps
    (program.folder / outputs[0]).unlink()
    assert program("retry", "-q").code == 0
    assert (program.folder / outputs[0]).exists()
    assert set(fresh(program).values()) == {1}
    assert sum(fresh(program).values()) == 9


def test_one_clip_spoils_no_other_and_the_table_says_why(program: Program) -> None:
    program.clip("good.mp4")
    program.clip("broken.mp4", "broken")
    program.clip("noface.mp4", "noface")
    program.clip("bug.mp4", "bug")
    clips = ["good.mp4", "broken.mp4", "noface.mp4", "bug.mp4", "gone.mp4"]
    result = program("batch", *clips, "--edit", "age=+2", "--edit", "age=+1")
    assert result.code == 8
    assert result.out.split() == [
        str(program.folder / f"good.age+{strength}.mp4") for strength in (2, 1)
    ]
    table = result.err.partition("8 of 10 jobs failed:\n")[2].splitlines()
    assert [line.split()[:5] for line in table[:8:2]] == [
        ["3", "broken.mp4", "age=+2", "failed", "(3):"],
        ["5", "noface.mp4", "age=+2", "failed", "(4):"],
        ["7", "bug.mp4", "age=+2", "failed", "(1):"],
        ["9", "gone.mp4", "age=+2", "failed", "(3):"],
    ]
    assert "index out of range" in table[4] and "is truncated" in table[0]
    begun = [e["node"].split(".")[1] for e in events(program) if e["event"] == "WorkStarted"]
    assert Counter(begun) == {"read": 4, "result": 2}, "a bug is not tried once for each edit"

    status = program("status").out.splitlines()
    assert "8 failed" in status[0] and "2 done" in status[0] and "nobody" in status[0]
    program.clip("broken.mp4", "good after all")
    again = program("retry", "--json")
    told = json.loads(again.out)
    assert (again.code, told["exit_code"]) == (8, 8)
    assert [job["exit_code"] for job in told["jobs"]] == [0, 0, 0, 0, 4, 4, 1, 1, 3, 3]
    found = json.loads(program("status", "--json").out)
    assert Counter(job["state"] for job in found["jobs"]) == {"done": 4, "failed": 6}


def test_refusals_come_before_any_work(program: Program) -> None:
    program.clip("a.mp4")
    file(program, "jobs: [{clips: a.mp4, edits: [age=+1, age=1]}]")
    assert program("batch", "jobs.yaml").code == 5
    file(program, "jobs: [{clips: a.mp4, edits: [age=+1, hair=2]}]")
    result = program("batch", "jobs.yaml")
    assert result.code == 2 and "Job 2 (a.mp4): 'hair' is no edit" in result.err
    assert program("batch", "jobs.yaml", "--edit", "age=+1").code == 2
    result = program("batch", "a.mp4", "--edit", "age=+1", "-o", "{nothing}.mp4")
    assert result.code == 2 and "{nothing} is no field" in result.err
    assert program("status").code == 2
    assert program.files() == ["a.mp4", "jobs.yaml"]
    assert not list(work(program).glob("batches/*"))


def test_an_output_of_another_is_left_alone(program: Program) -> None:
    program.clip("a.mp4")
    program.clip("b.mp4")
    other = program.clip("a.age+1.mp4", "somebody's")
    result = program("batch", "a.mp4", "b.mp4", "--edit", "age=+1")
    assert result.code == 8 and "exists" in result.err
    assert other.read_text() == "somebody's"
    assert program("batch", "a.mp4", "b.mp4", "--edit", "age=+1", "--overwrite").code == 0
    assert other.read_text().startswith("good")


def test_a_dry_run_shows_the_jobs_and_writes_nothing(program: Program) -> None:
    program.clip("a.mp4")
    result = program("batch", "a.mp4", "gone.mp4", "--edit", "age=+1", "-o", "r/", "--dry-run")
    assert result.code == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["1", "a.mp4", "age=+1", str(program.folder / "r/a.age+1.mp4")]
    assert program("batch", "a.mp4", "gone.mp4", "--edit", "age=1", "--dry-run").code == 8
    assert program.files() == ["a.mp4"] and not work(program).exists()


def test_a_job_names_a_person_and_the_user_what_knows_them(program: Program) -> None:
    program.clip("a.mp4")
    file(program, "jobs: [{clips: a.mp4, edits: [age=+1], face: 'like:anna.jpg'}]")
    assert program("batch", "jobs.yaml", "--identity", "net.pth", "-q").code == 0
    (record,) = work(program).glob("batches/*/batch.json")
    kept = json.loads(record.read_text())
    assert kept["options"]["identity"] == str(program.folder / "net.pth")
    assert f"like:{program.folder}/anna.jpg" in json.dumps(kept["jobs"])


@pytest.fixture
def waiting(program: Program) -> tuple[Program, Path]:
    """A batch of a clip that is done at once, and one that waits for a file."""
    go = program.folder.parent / "go"
    program.clip("a.mp4", "good")
    program.clip("b.mp4", f"wait {go}")
    file(program, "jobs: [{clips: ['a.mp4', 'b.mp4'], edits: [age=+1]}]")
    return program, go


def half_done(program: Program) -> bool:
    found = events(program)
    settled = [e["job"] for e in found if e["event"] == "JobSettled"]
    started = [e["node"] for e in found if e["event"] == "WorkStarted"]
    return settled == [1] and "0002.result" in started


def test_a_driver_that_was_killed_goes_on(waiting: tuple[Program, Path], until: Until) -> None:
    program, go = waiting
    child = begun(program, ["batch", "jobs.yaml"])
    until(lambda: half_done(program))
    child.kill()
    assert child.wait() == -signal.SIGKILL
    assert program.files() == ["a.age+1.mp4", "a.mp4", "b.mp4", "jobs.yaml"]
    log = next(work(program).glob("batches/*/events.jsonl"))
    log.write_bytes(log.read_bytes() + b'{"time": 1, "ev')  # as if in the middle of a line
    go.touch()
    assert program("batch", "jobs.yaml").code == 0
    assert (program.folder / "b.age+1.mp4").read_text().startswith("wait")
    assert set(fresh(program).values()) == {1}
    assert sum(fresh(program).values()) == 4
    assert program("status").out.count("done") == 3


def test_cancel_stops_cleanly_and_says_how_to_go_on(
    waiting: tuple[Program, Path], until: Until
) -> None:
    program, go = waiting
    child = begun(program, ["batch", "jobs.yaml"])
    until(lambda: half_done(program))
    status = program("status").out
    assert "driven by" in status and "working" in status
    assert program("cancel").code == 0
    _, err = child.communicate(timeout=30)
    assert child.returncode == 143
    assert "pipeline retry" in err
    assert "unfinished" in program("status").out
    go.touch()
    assert program("retry").code == 0


def test_the_same_batch_twice_at_once_does_nothing_twice(
    waiting: tuple[Program, Path], until: Until
) -> None:
    program, go = waiting
    both = [begun(program, ["batch", "jobs.yaml"]) for _ in range(2)]
    until(lambda: len([e for e in events(program) if e["event"] == "JobSettled"]) == 2)
    go.touch()
    for child in both:
        _, err = child.communicate(timeout=30)
        assert child.returncode == 0, err
    assert set(fresh(program).values()) == {1}
    assert sum(fresh(program).values()) == 4
    assert len([name for name in program.files() if name.startswith(".")]) == 0


def test_a_batch_that_ran_is_the_model_of_a_larger_one(program: Program) -> None:
    program.clip("a.mp4")
    assert program("batch", "a.mp4", "--edit", "age=+1", "--edit", "age=+2").code == 0
    words = ["--nodes", "1", "--nodes", "4", "--cpus", "1", "--dispatch", "0", "--json"]
    result = program("simulate", "--clips", "50", *words)
    assert result.code == 0, result.err
    one, four = json.loads(result.out)
    assert one["pieces"] == four["pieces"] == 50 * 3, "what two edits share is done once"
    assert four["makespan"] < one["makespan"]


def test_what_is_said_to_go_on_with_works_as_it_stands(program: Program) -> None:
    """With a work folder that a flag names, and with one that a file names."""
    program.clip("bug.mp4", "bug")
    said = "Try them again with: pipeline "
    for more, folder in (
        (["--work-dir", "my work"], "my work"),
        ([], "of the file"),
    ):
        (program.folder / "pipeline.toml").write_text("" if more else f'work_dir = "{folder}"')
        told = program("batch", "bug.mp4", "--edit", "age=+1", *more).err
        again = shlex.split(told.partition(said)[2].splitlines()[0])
        assert len(again) == (4 if more else 2)
        assert program(*again).code == 1, "tried again, with the same end"
        assert (program.folder / folder / "batches").is_dir()
        every = json.loads(program("status", "--all", "--json", *more).out)
        assert [each["jobs"][0]["state"] for each in every] == ["failed"]
    assert not (work(program) / "batches").exists()


def test_an_output_that_cannot_be_is_one_jobs_failure(program: Program) -> None:
    program.clip("a.mp4")
    file(program, "jobs: [{clips: a.mp4, edits: age=+1, output: [a.mp4/x.mp4]}]")
    assert program("batch", "jobs.yaml").code == 2, "a template is one text"
    file(program, "jobs: [{clips: a.mp4, edits: age=+1, output: a.mp4/x.mp4}]")
    result = program("batch", "jobs.yaml")
    assert result.code == 5 and "cannot be made" in result.err
    assert "Traceback" not in result.err
