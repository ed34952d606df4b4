"""The strip shows what a run would give."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.stage import Context
from stages import render, strip
from stages.artifacts import U8, Alignment, SourceClip
from stages.edit_artifacts import Edits
from stages.inversion_artifacts import Latents
from stages.media.reader import Frame, read_planes
from stages.render import RenderClip
from stages.renderer import Renderer
from stages.strip import DrawStrip
from tests.media_fixtures import probe, with_sound
from tests.stages import tiny
from tests.stages.test_render import Recorder

CELL, AT = 96, (2, 5)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SourceClip:
    return SourceClip(with_sound(tmp_path_factory.mktemp("clip") / "c.mp4", frames=7), "0" * 64)


def alignment() -> Alignment:
    return tiny.alignment(*((0, range(at, at + 1)) for at in AT), centre=(64.0, 40.0), radius=12.0)


def latents(given: Alignment) -> list[Latents]:
    w_plus = np.random.default_rng(0).normal(size=(2, tiny.SHAPE.rows, 16)).astype(np.float32)
    decibels = np.array([21, 23], np.float32)
    return [Latents(0, given.frame[i : i + 1], decibels[i : i + 1], w_plus[i : i + 1])
            for i in range(2)]  # fmt: skip


def edits(given: Alignment, strength: float) -> Edits:
    return tiny.edits(given, np.ones((tiny.SHAPE.rows, 16), np.float32), strength)


def cell(sheet: U8, row: int, column: int) -> U8:
    return sheet[row * CELL : row * CELL + CELL - 24, column * CELL + 0 : (column + 1) * CELL]


def test_each_cell_is_what_a_run_shows_of_that_frame(
    clip: SourceClip, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator, given, video = tiny.renderable(), alignment(), probe(clip.path)
    asked = [edits(given, 0.0), edits(given, 0.5)]
    stage = DrawStrip(headings=("none", "some"), largest=256, size=CELL)
    made = stage.run(
        Renderer(generator),
        clip,
        video,
        given,
        latents(given),
        asked,
        Context(tmp_path, threads=1),
    )
    sheet = cv2.imread(str(made.file))
    assert sheet is not None
    sheet = sheet[..., ::-1]
    assert sheet.shape == (2 * CELL + 18, 3 * CELL, 3)
    assert made.told == (
        "track 0, 0.07 s: inversion 21.0 dB at 256", "track 0, 0.17 s: inversion 23.0 dB at 256",
    )  # fmt: skip

    recorder = Recorder()
    monkeypatch.setattr(render, "VideoWriter", recorder)
    monkeypatch.setattr(render, "mux", lambda *_: None)
    run = RenderClip(largest=256, smoothing=0)
    run.run(
        Renderer(generator), clip, video, given, latents(given), asked[1],
        Context(tmp_path, threads=1),
    )  # fmt: skip
    for row, at in enumerate(AT):
        (source,) = read_planes(clip.path, video, at, at + 1)
        of_run = Frame(at, source.pts, recorder.planes[at], video).rgb()
        pictures = (source.rgb(), source.rgb(), of_run)
        for column, picture in enumerate(pictures):
            wanted = strip._about(picture, given.quad[row], CELL)
            np.testing.assert_array_equal(
                cell(sheet, row, column)[20:], wanted[20 : CELL - 24], err_msg=f"{row} {column}"
            )
        assert (cell(sheet, row, 2) != cell(sheet, row, 0)).mean() > 0.1
