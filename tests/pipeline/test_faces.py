"""``pipeline faces``: what it refuses, before anything is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.media_fixtures import with_sound


def faces(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "faces", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["none.mp4"], 3, "none.mp4 cannot be read"),
        (["clip.mp4", "-o", "sheet.jpg"], 5, "it has to end with .png"),
        (["clip.mp4", "-o", "there.png"], 5, "there.png exists"),
        (["clip.mp4", "-o", "none/sheet.png"], 5, "does not exist"),
        (["clip.mp4", "--start", "soon"], 2, "--start 'soon' is neither seconds"),
        (["clip.mp4", "--start", "5", "--end", "4"], 2, "--end 4 s is not after --start 5 s"),
    ],
)
def test_what_is_refused_is_told_in_a_sentence(
    words: list[str], code: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    repository: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(repository))
    Path("clip.mp4").write_bytes(b"no clip")
    Path("there.png").write_bytes(b"a picture")
    done = faces(*words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip.mp4", "there.png"]


@pytest.mark.slow
def test_a_clip_without_a_face_ends_with_4_and_leaves_nothing(tmp_path: Path) -> None:
    clip = with_sound(tmp_path / "clip.mp4", frames=4)
    done = faces(clip, "--work-dir", tmp_path / "work", "-q")
    assert (done.returncode, done.stdout) == (4, "")
    assert "No face was found in clip.mp4" in done.stderr
    assert not (tmp_path / "clip.faces.png").exists()
