"""``pipeline evaluate``: what goes to stdout, and its exit codes."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from pipeline.commands.figures import as_json, as_table
from stages.evaluation import Evaluation, Figure

MADE = Evaluation(
    frames=12,
    width=640,
    height=480,
    faces=12,
    lost=1,
    figures=(
        Figure("psnr", "overall", np.inf, "higher", "dB", count=12, worst=41.5, worst_frame=7),
        Figure("warp_error", "face", 2e-5, "lower", source=1e-5, ratio=2.0, count=11, spread=0.25),
        Figure("tl_id", "face", None, "one", note="no recognition network was named"),
        Figure("tg_id", "face", None, "one", note="no recognition network was named"),
    ),
)  # fmt: skip


def test_the_table_has_a_line_a_figure_and_its_reasons() -> None:
    first, head, *lines = as_table(MADE).splitlines()
    assert first == "12 frames of 640x480, 12 faces, 1 of them not found in the result."
    assert head.split() == [
        "figure", "where", "value", "source's", "ratio", "best", "n", "spread", "worst", "(frame)",
    ]  # fmt: skip
    assert lines[0].split() == ["psnr", "overall", "inf", "dB", "high", "12", "41.5", "(7)"]
    assert lines[1].split() == ["warp_error", "face", "2e-05", "1e-05", "2", "low", "11", "0.25"]
    assert lines[2].split() == ["tl_id", "face", "n/a"]
    assert lines[-2:] == [
        "tl_id: no recognition network was named",
        "tg_id: no recognition network was named",
    ]
    assert "not found" not in as_table(SimpleNamespace(**{**vars(MADE), "lost": 0}))


def test_json_is_strict() -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    told = json.loads(as_json(MADE, Path("a.mp4"), Path("b.mp4")), parse_constant=refuse)
    assert (told["source"], told["result"], told["size"]) == ("a.mp4", "b.mp4", [640, 480])
    assert (told["frames"], told["faces"], told["lost"]) == (12, 12, 1)
    psnr, warp, local, _ = told["figures"]
    assert (psnr["value"], psnr["worst_frame"]) == ("inf", 7)
    assert (warp["value"], warp["source"], warp["ratio"]) == (2e-5, 1e-5, 2.0)
    assert (local["value"], local["note"]) == (None, "no recognition network was named")


def evaluate(tmp_path: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", "evaluate", *map(str, words)]
    command += ["--work-dir", str(tmp_path / "work"), "--threads", "1", "-q"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["clip.mp4", "none.mp4"], 3, "cannot be read"),
        (["clip.mp4", "."], 3, "is a folder"),
        (["clip.mp4", "clip.mp4", "--face", "second"], 2, "largest, all or track:N"),
        (["clip.mp4", "clip.mp4", "--start", "soon"], 2, "timecode"),
        (["clip.mp4", "clip.mp4", "--start", "-1"], 2, "--start"),
        (["clip.mp4"], 2, "OUT"),
        (["clip.mp4", "clip.mp4", "--weights", "niqe"], 2, "NAME=PATH"),
    ],
)
def test_faults_before_any_work(tmp_path: Path, words: list[str], code: int, sentence: str) -> None:
    (tmp_path / "clip.mp4").write_text("not looked at")
    places = {word: tmp_path / word for word in ("clip.mp4", "none.mp4", ".")}
    done = evaluate(tmp_path, *(places.get(word, word) for word in words))
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_clips_that_do_not_correspond_and_clips_without_a_face(
    tmp_path: Path, weights: object
) -> None:
    from tests.media_fixtures import moving_picture

    plain = moving_picture(tmp_path / "plain.mp4", frames=6)
    for name, options, sentence in (
        ("wide.mp4", {"size": "192x96", "frames": 6}, "different sizes (192x96 and 128x96)"),
        ("long.mp4", {"frames": 9}, "have 9 and 6 frames"),
        ("slow.mp4", {"frames": 6, "rate": "10"}, "show frame 1 at different times"),
    ):
        done = evaluate(tmp_path, plain, moving_picture(tmp_path / name, **options))
        assert (done.returncode, done.stdout) == (3, ""), done.stderr
        assert sentence in done.stderr
    done = evaluate(tmp_path, plain, plain)
    assert (done.returncode, done.stdout) == (4, ""), done.stderr
    assert "no face was found" in done.stderr


@pytest.mark.slow
def test_a_real_clip_in_a_table_and_in_json(tmp_path: Path, assets: Path, weights: object) -> None:
    from stages.media.cut import stream_copy_cut

    clip = tmp_path / "clip.mp4"
    stream_copy_cut(assets / "clips" / "portrait_d18.mp4", clip, 5)
    done = evaluate(tmp_path, clip, clip, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    by_name = {(f["name"], f["region"]): f for f in told["figures"]}
    assert by_name["psnr", "face"]["value"] == "inf"
    assert by_name["perceptual_effnetlite0", "face"]["value"] == 0
    assert "--identity" in by_name["tl_id", "face"]["note"]
    # The clip it was cut from, as far as the cut goes.
    end = str((told["frames"] - 0.5) / 30)
    whole = assets / "clips" / "portrait_d18.mp4"
    done = evaluate(tmp_path, whole, clip, "--end", end)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[2].split()[:2] == ["mse", "overall"]
