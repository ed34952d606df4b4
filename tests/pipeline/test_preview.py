"""``pipeline preview``: what it refuses, and the sample clip's strip."""

import subprocess
import sys
from pathlib import Path

import cv2
import pytest


def preview(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "preview", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.mp4", "--edit", "age=-1..1"], 3, "none.mp4 cannot be read"),
        (["clip.mp4", "--edit", "age=1..-1"], 2, "is empty"),
        (["clip.mp4", "--edit", "nose=-1..1"], 2, "The edit 'nose' is unknown"),
        (["clip.mp4", "--edit", "age=-1..1", "--at", "noon"], 2, "--at 'noon' is neither"),
        (["clip.mp4", "--edit", "age=-1..1", "--preset", "best"], 2, "'draft' or 'standard'"),
        (["clip.mp4", "--edit", "age=-1..1", "-o", "a.gif"], 5, "it has to end with .png"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    repository: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    Path("clip.mp4").write_bytes(b"no clip")
    done = preview(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.slow
def test_the_sample_by_two_strengths(repository: Path, tmp_path: Path) -> None:
    strip = tmp_path / "strip.png"
    done = preview(
        repository / "samples" / "sample.mp4", "--edit", "age=-2..2", "--strengths", "2",
        "-o", strip, "--work-dir", tmp_path / "work",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{strip}\n"
    picture = cv2.imread(str(strip))
    assert picture is not None and picture.shape == (256 + 18, 3 * 256, 3)
    source, younger, older = (
        picture[30:220, i * 256 : (i + 1) * 256].astype(int) for i in range(3)
    )
    for changed in (younger, older):
        assert abs(changed - source).mean() > 2
    assert "inversion" in done.stderr
