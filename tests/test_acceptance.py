"""The acceptance measurements must be able to fail: each is shown a file with one fault."""

import json
import os
import signal
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from tests.acceptance import command, container, lines, regions, robust, steadiness
from tests.acceptance.lines import Line, Results, Sheet, table
from tests.acceptance.memory import folder_bytes, high_water, tree_bytes
from tests.acceptance.on_clip import whole_psnr
from tests.acceptance.pictures import pictures

TICKS = (0, 1000, 2000, 4000, 5000, 6000)


def write(
    path: Path,
    ticks: tuple[int, ...] = TICKS,
    tone: float = 440,
    matrix: int = 1,
    mark: int | None = None,
) -> Path:
    """A losslessly coded clip of a moving gradient with variable frame times and a tone.

    ``mark``: the frame whose one pixel at (40, 8) differs.
    """
    y, x = np.mgrid[0:48, 0:64]
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=30, options={"qp": "0", "bf": "0"})
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        video.codec_context.time_base = Fraction(1, 30000)
        video.codec_context.colorspace = matrix
        audio = out.add_stream("aac", rate=48000, layout="mono")
        for i, pts in enumerate(ticks):
            luma = (60 + 2 * x + y + 3 * i).astype(np.uint8)
            if mark == i:
                luma[8, 40] += 9
            chroma = np.full((24, 64), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
            frame.pts, frame.time_base = pts, Fraction(1, 30000)
            frame.colorspace = matrix
            out.mux(video.encode(frame))
        out.mux(video.encode())
        wave = np.sin(np.arange(9600) * tone * 2 * np.pi / 48000).astype(np.float32)[None] / 2
        sound = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        sound.sample_rate, sound.pts = 48000, 0
        out.mux(audio.encode(sound))
        out.mux(audio.encode())
    return path


def failed(source: Path, result: Path) -> set[str]:
    sheet = Sheet("unit")
    container.compare(container.read(source), container.read(result), sheet)
    return {line.name for line in sheet.lines if line.passed is False}


def test_a_file_agrees_with_its_twin(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.mp4"), write(tmp_path / "b.mp4")
    assert failed(a, b) == set()
    assert container.read(a).times[3] == Fraction(4000, 30000)
    assert [t.kind for t in container.read(a).tracks] == ["audio"]
    assert whole_psnr(a, b) == float("inf")


def test_one_tick_of_one_frame_is_noticed(tmp_path: Path) -> None:
    a = write(tmp_path / "a.mp4")
    b = write(tmp_path / "b.mp4", ticks=(0, 1000, 2001, 4000, 5000, 6000))
    assert failed(a, b) == {"pts equal as rationals"}


def test_a_lost_frame_is_noticed(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.mp4"), write(tmp_path / "b.mp4", ticks=TICKS[:-1])
    assert {"frames", "pts equal as rationals"} <= failed(a, b)
    assert whole_psnr(a, b) == float("-inf")


def test_other_sound_and_other_tags_are_noticed(tmp_path: Path) -> None:
    a = write(tmp_path / "a.mp4")
    assert failed(a, write(tmp_path / "b.mp4", tone=450)) == {"copied packets sha256"}
    assert failed(a, write(tmp_path / "c.mp4", matrix=6)) == {
        "colour tags (prim, trc, matrix, range)"
    }


def test_one_pixel_outside_the_mask_is_noticed(tmp_path: Path) -> None:
    a = list(pictures(write(tmp_path / "a.mp4")))
    b = list(pictures(write(tmp_path / "b.mp4", mark=2)))
    mask = np.zeros((48, 64), bool)
    counts = [
        regions.differing_outside(mask, x.planes, y.planes) for x, y in zip(a, b, strict=True)
    ]
    assert counts == [0, 0, 1, 0, 0, 0]
    changed = regions.changed_pixels(a[2].planes, b[2].planes)
    assert np.argwhere(changed).tolist() == [[8, 40]]
    assert regions.differing_outside(changed, a[2].planes, b[2].planes) == 0


def test_a_changed_chroma_sample_counts_as_four_pixels() -> None:
    planes = [np.zeros((5, 6)), np.zeros((3, 3)), np.zeros((3, 3))]
    other = [plane.copy() for plane in planes]
    other[1][2, 0] = 1
    changed = regions.changed_pixels(planes, other)
    assert np.argwhere(changed).tolist() == [[4, 0], [4, 1]]


def test_a_pulse_at_window_boundaries_is_told_from_one_elsewhere() -> None:
    rng = np.random.default_rng(3)
    base = rng.integers(60, 180, (64, 64, 3)).astype(np.int16)
    source = [(base + rng.integers(-2, 3, base.shape)).astype(np.uint8) for _ in range(13)]
    masks = [np.ones((64, 64), bool)] * 13
    steady = steadiness.measure(source, [f + 5 for f in source], masks)
    assert steady.inside == pytest.approx(1, abs=0.02)
    assert steady.boundary == pytest.approx([1] * 4, abs=0.05)
    pulse = [f + (6 if t % 4 == 0 else 0) for t, f in enumerate(source)]
    pulse = [f.astype(np.uint8) for f in pulse]
    found = steadiness.measure(source, pulse, masks)
    assert found.inside > 2
    assert found.boundary[0] > 2
    assert found.boundary[2] < 0.5


def test_pairs_without_a_face_do_not_decide_about_boundaries() -> None:
    pairs = np.array([np.nan, np.nan, 1, 2, 2, 1, 1, 2, 2, 1, 1])
    assert steadiness.boundary(pairs) == pytest.approx(2)
    assert np.isnan(steadiness.boundary(np.full(11, np.nan)))


def test_results_survive_an_interruption(tmp_path: Path) -> None:
    results = Results(tmp_path)
    sheet = Sheet("a")
    sheet.at_least("x", 3, 2)
    sheet.at_most("y", float("nan"), 2)
    results.add(sheet)
    with results.path.open("a") as file:
        file.write(json.dumps({"unit": "b", "name": "half", "value": "1"}) + "\n" + '{"unit": "b"')
    again = Results(tmp_path)
    assert set(again.done()) == {"a"}
    assert [(line.name, line.passed) for line in again.lines()] == [("x", True), ("y", False)]
    text = table(again.lines())
    assert "1 pass, 1 FAIL, 0 lines" in text
    old = [replace(line, code="other") for line in again.lines()]
    assert "2 lines (*)" in table(old)


def test_measuring_again_replaces_the_unit(tmp_path: Path) -> None:
    results = Results(tmp_path)
    for value in (1, 3):
        sheet = Sheet("a")
        sheet.at_least("x", value, 2)
        results.add(sheet)
    assert [line.passed for line in results.lines()] == [True]


def test_a_run_is_watched_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_code", "one")
    clip = tmp_path / "clip.mp4"
    first = command.run(tmp_path / "run", clip, ["--no-such-option"], tmp_path / "work")
    assert first.exit_code == 2, first.stderr
    assert not first.result
    assert first.peak_bytes > 1 << 20
    assert "no-such-option" in first.stderr
    assert command.run(tmp_path / "run", clip, ["--no-such-option"], tmp_path / "work") == first
    monkeypatch.setattr(lines, "_code", "two")
    later = command.run(tmp_path / "run", clip, ["--no-such-option"], tmp_path / "work")
    assert later.code == "two"


def test_a_run_can_be_killed(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"

    def strike(pid: int) -> None:
        os.killpg(pid, signal.SIGKILL)

    killed = command.run(tmp_path / "run", clip, [], tmp_path / "work", strike=strike)
    assert killed.exit_code == -9


def test_finished_work_is_known_by_its_mark(tmp_path: Path) -> None:
    folder = tmp_path / "store" / "ab"
    folder.mkdir(parents=True)
    record = {"provenance": {"node": "windows", "stage": "stages.invert.Invert", "index": 3}}
    (folder / "done.json").write_text(json.dumps(record))
    struck: list[int] = []
    robust._after_windows(tmp_path, 2, struck.append)(7)
    assert not struck
    robust._after_windows(tmp_path, 1, struck.append)(7)
    assert struck == [7]
    before = robust._finished(tmp_path)
    (folder / "done.json").unlink()
    (folder / "done.json").write_text(json.dumps(record))
    assert robust._finished(tmp_path) != before


def test_numbers_are_found_wherever_a_report_has_them() -> None:
    report = {"a": [{"b": 1}, {"inversion_psnr": 23.5}]}
    assert command.find(report, "inversion_psnr") == 23.5
    assert command.find(report, "nothing") is None


def test_memory_and_disk_are_seen(tmp_path: Path) -> None:
    import os

    (tmp_path / "x").write_bytes(bytes(5000))
    assert folder_bytes(tmp_path) == 5000
    assert tree_bytes(os.getpid()) > 10 << 20
    assert high_water(os.getpid()) >= 10 << 20
    assert tree_bytes(2**22 - 3) == high_water(2**22 - 3) == 0


def test_a_line_without_a_measure_is_not_a_pass() -> None:
    sheet = Sheet("a")
    sheet.not_judged("seconds", "warm")
    assert sheet.lines[0] == replace(sheet.lines[0], passed=None, limit="measured")
    assert isinstance(sheet.lines[0], Line)
