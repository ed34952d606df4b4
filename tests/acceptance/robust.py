"""What must hold beside the picture: refusals, kill and resume, Ray, memory that does not grow."""

import hashlib
import json
import os
import signal
import statistics
from collections.abc import Callable
from pathlib import Path

from tests.acceptance import container
from tests.acceptance.clips import CLIPS, NO_FACE, make
from tests.acceptance.command import Outcome, find, run
from tests.acceptance.lines import Sheet
from tests.acceptance.memory import ray_workers
from tests.acceptance.on_clip import Place, whole_psnr

FRAMES = 21
AGE = ["--edit", "age=+2", "--preset", "draft"]
D18 = CLIPS[0]


def no_face(place: Place) -> Sheet:
    """Each clip without a face ends with its documented code, a sentence, and nothing written."""
    sheet = Sheet("no_face")
    for name, expected in NO_FACE.items():
        folder = place.out / "runs" / f"no_face-{name}"
        work = place.out / "work" / "no_face"
        outcome = run(folder, place.assets / "clips" / name, AGE, work)
        said = outcome.stderr.strip().splitlines()
        sheet.equal(f"{name} exit code", outcome.exit_code, expected, said[-1] if said else "")
        sentence = bool(said) and "Traceback" not in outcome.stderr
        sheet.equal(f"{name} tells why", sentence, True)
        ours = {"outcome.json", "stdout.txt", "stderr.txt"}
        written = sorted(p.name for p in folder.iterdir() if p.name not in ours)
        sheet.equal(f"{name} writes", written, [])
    return sheet


def refused_container(place: Place) -> Sheet:
    """A stream that the asked container cannot hold: exit 5, nothing written."""
    sheet = Sheet("refused_container")
    clip = next(c for c in CLIPS if c.remux == "tracks")
    source = make(clip, 6, place.assets, place.out / "cuts")
    folder = place.out / "runs" / "refused_container"
    target = folder.with_name("refused_container.webm")
    outcome = run(folder, source, AGE, place.out / "work" / "refused", output=target)
    sheet.equal("aac in webm exit code", outcome.exit_code, 5, outcome.stderr[-200:].strip())
    sheet.equal("aac in webm writes", target.exists(), False)
    return sheet


def resume(place: Place) -> Sheet:
    """Kill -9 during inversion, run again: finished work stays, the result is bit-equal."""
    sheet = Sheet("kill_and_resume")
    source = make(D18, FRAMES, place.assets, place.out / "cuts")
    work = place.out / "work" / "whole"
    whole = run(place.out / "runs" / "resume-whole", source, AGE, work, clear=True)
    sheet.equal("undisturbed run exit code", whole.exit_code, 0)
    work = place.out / "work" / "killed"
    killed = run(
        place.out / "runs" / "resume-killed",
        source,
        AGE,
        work,
        fresh=True,
        clear=True,
        strike=_after_windows(work, 2, lambda pid: os.killpg(pid, signal.SIGKILL)),
    )
    sheet.equal("killed run exit code", killed.exit_code, -9)
    before = _finished(work)
    windows = [p for p in before if _is_window(p)]
    sheet.at_least("windows finished before the kill", len(windows), 2)
    left = sorted(p.name for p in (place.out / "runs" / "resume-killed").glob("result*"))
    sheet.equal("result of the killed run", left, [])
    again = run(place.out / "runs" / "resume-again", source, AGE, work, fresh=True)
    sheet.equal("second run exit code", again.exit_code, 0, again.stderr[-200:].strip())
    after = _finished(work)
    redone = [p for p, mark in before.items() if after.get(p) != mark]
    sheet.equal("finished work done again", len(redone), 0, ", ".join(redone)[:80])
    if whole.result and again.result:
        sheet.equal("result", _sha(again.output), _sha(whole.output))
    return sheet


def on_ray(place: Place) -> Sheet:
    """Ray with equal thread counts gives the local run's bytes; with others at least 60 dB."""
    sheet = Sheet("on_ray")
    source = make(D18, FRAMES, place.assets, place.out / "cuts")

    def go(name: str, *more: str) -> Outcome:
        folder = place.out / "runs" / f"ray-{name}"
        return run(folder, source, [*AGE, *more], place.out / "work" / f"ray-{name}", clear=True)

    # By turns, since a machine may be slower for a minute.
    pairs = [
        (
            go(f"local{again}", "--threads", "2"),
            go(f"equal{again}", "--on", "ray", "--threads", "2"),
        )
        for again in ("", "-2", "-3")
    ]
    (local, ray), *_ = pairs
    other = go("other", "--on", "ray", "--threads", "1")
    for name, outcome in (("local", local), ("ray", ray), ("ray, one thread", other)):
        sheet.equal(f"{name} exit code", outcome.exit_code, 0, outcome.stderr[-200:].strip())
    if local.result and ray.result and other.result:
        sheet.equal("equal threads, sha256", _sha(ray.output), _sha(local.output))
        sheet.at_least("other threads", whole_psnr(local.output, other.output), 60, " dB")
    seconds = [(a.seconds, b.seconds) for a, b in pairs]
    sheet.told("seconds, local and ray", ", ".join(f"{a:.0f} {b:.0f}" for a, b in seconds))
    sheet.at_most("ray's own seconds, median", statistics.median(b - a for a, b in seconds), 15)
    return sheet


def ray_death(place: Place) -> Sheet:
    """A worker on Ray is killed in an inversion: the local run's bytes, and nothing done twice."""
    sheet = Sheet("ray_death")
    source = make(D18, FRAMES, place.assets, place.out / "cuts")
    arguments = [*AGE, "--threads", "2"]
    runs, works = place.out / "runs", place.out / "work"
    whole = run(runs / "ray-local", source, arguments, works / "ray-local")
    work = works / "ray-death"
    before: dict[str, tuple[int, int]] = {}
    killed: list[int] = []

    def kill(driver: int) -> None:
        if not killed and (workers := ray_workers(driver)):
            before.update(_finished(work))
            os.kill(workers[0], signal.SIGKILL)
            killed.append(workers[0])

    outcome = run(
        runs / "ray-death",
        source,
        [*arguments, "--on", "ray"],
        work,
        fresh=True,
        clear=True,
        strike=_after_windows(work, 2, kill),
    )
    sheet.equal("undisturbed run exit code", whole.exit_code, 0)
    sheet.equal("workers killed", len(killed), 1)
    told = (runs / "ray-death" / "stderr.txt").read_text()
    sheet.equal("works lost", told.count("its worker was lost in attempt 1"), 1)
    sheet.equal("exit code", outcome.exit_code, 0, outcome.stderr[-200:].strip())
    after = _finished(work)
    redone = [p for p, mark in before.items() if after.get(p) != mark]
    sheet.equal("finished work done again", len(redone), 0, ", ".join(redone)[:80])
    if whole.result and outcome.result:
        sheet.equal("result", _sha(outcome.output), _sha(whole.output))
    return sheet


def scaling(place: Place) -> Sheet:
    """Peak memory is the same for 50 and for 200 frames, within a tenth."""
    sheet = Sheet("scaling")
    peaks = {}
    for frames in (50, 200):
        source = make(D18, frames, place.assets, place.out / "cuts")
        name = f"scaling-{frames}"
        more = [*AGE, "--profile"]
        work = place.out / "work" / name
        outcome = run(place.out / "runs" / name, source, more, work, clear=True)
        frames_made = len(container.read(source).times)
        sheet.equal(f"{frames} frames exit code", outcome.exit_code, 0)
        sheet.at_least(f"{frames} frames in the cut", frames_made, 0.9 * frames)
        peaks[frames] = outcome.peak_bytes
        sheet.at_most(f"{frames} frames peak memory", outcome.peak_bytes / 2**30, 4, " GiB")
        sheet.at_most(
            f"{frames} frames disk", outcome.disk_bytes / frames_made / 1e6, 1, " MB a frame"
        )
        sheet.at_most(f"{frames} frames seconds a frame", outcome.seconds / frames_made, 5)
        profile = find(outcome.report, "profile", "timings", "stages")
        sheet.told(f"{frames} frames profile", json.dumps(profile)[:300] if profile else "none")
    sheet.at_most("peak of 200 / peak of 50", peaks[200] / peaks[50], 1.1)
    return sheet


def _after_windows(work: Path, count: int, do: Callable[[int], None]) -> Callable[[int], None]:
    """Do it to a run whenever that many windows of the joint inversion are stored."""

    def strike(pid: int) -> None:
        if sum(_is_window(path) for path in _finished(work)) >= count:
            do(pid)

    return strike


def _finished(work: Path) -> dict[str, tuple[int, int]]:
    """Published artifacts by path: (inode, time of change) of the file that marks each as done."""
    found = {}
    for path in work.rglob("done.json"):
        try:
            status = path.stat()
        except OSError:
            continue
        found[str(path)] = (status.st_ino, status.st_mtime_ns)
    return found


def _is_window(path: str) -> bool:
    """Is it one of many results of the inversion?"""
    try:
        made = json.loads(Path(path).read_text())["provenance"]
    except (OSError, ValueError, KeyError):
        return False
    name = f"{made['node']} {made['stage']}".lower()
    return made.get("index") is not None and ("window" in name or "invert" in name)


def _sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
