"""The main job on real pixels with real weights: six frames of a real clip, draft, twice."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import pytest

from stages.media.cut import stream_copy_cut

LONGEST = 400
"""Seconds for one run, which takes 20 to 40 on two idle cores."""


def run(clip: Path, out: Path, work: Path, edit: str) -> dict[str, object]:
    """``pipeline run`` as a user starts it; its JSON."""
    command = [sys.executable, "-m", "pipeline", "run", str(clip), "--edit", edit, "-o", str(out)]
    command += ["--preset", "draft", "--work-dir", str(work), "--json", "-q", "--threads", "2"]
    piped = subprocess.PIPE
    environment = {**os.environ, "PYTHONFAULTHANDLER": "1"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=piped, stderr=piped, text=True, env=environment
    ) as process:
        try:
            told, faults = process.communicate(timeout=LONGEST)
        except subprocess.TimeoutExpired:
            memory = Path(f"/proc/{process.pid}/status").read_text()
            process.send_signal(signal.SIGABRT)  # says on stderr where every thread is
            _, faults = process.communicate()
            pytest.fail(f"not done after {LONGEST} s\n{faults}\n{memory}")
    assert process.returncode == 0, faults
    (result,) = json.loads(told)["results"]
    return result


def times(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        return [f.pts * f.time_base for f in container.decode(video=0)]


def sound(path: Path) -> str:
    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(audio=0):
            digest.update(bytes(packet))
    return digest.hexdigest()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_six_frames_come_back_older_and_otherwise_the_same(
    assets: Path, weights: object, tmp_path: Path
) -> None:
    clip = tmp_path / "cut.mp4"
    frames = stream_copy_cut(assets / "clips" / "portrait_d18.mp4", clip, 6)
    older = run(clip, tmp_path / "older.mp4", tmp_path / "work", "age=+2")
    report, out = older["report"], Path(str(older["output"]))
    assert times(out) == times(clip)
    assert sound(out) == sound(clip)
    assert report["edited"] == report["frames"] == frames
    assert report["inversion_psnr_256"]["min"] >= 22
    assert report["outside_psnr_min"] >= 42
    assert report["age_after"] >= report["age_before"] + 5

    # Another edit finds the inversion done; with none the face is the source's own.
    same = run(clip, tmp_path / "same.mp4", tmp_path / "work", "age=0")
    assert same["stages"]["inverted_windows"]["done"] == 0
    assert same["stages"]["anchor_windows"]["done"] == 0
    assert abs(same["report"]["age_after"] - same["report"]["age_before"]) < 1.5
