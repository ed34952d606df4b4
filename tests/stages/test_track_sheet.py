"""The contact sheet of a clip's faces."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.failure import NothingToEdit
from pipeline.stage import Context
from stages.artifacts import SourceClip, Tracks
from stages.look_artifacts import Picture
from stages.track_sheet import DrawTracks
from tests.media_fixtures import probe, with_sound
from tests.stages import tiny

FRAMES = 12


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SourceClip:
    return SourceClip(with_sound(tmp_path_factory.mktemp("clip") / "c.mp4", frames=FRAMES), "0")


def tracks(*parts: tuple[int, range]) -> Tracks:
    """Each face 24 pixels tall, 40 pixels to the right of the one before."""
    found = tiny.followed(*parts)
    left = 4.0 + 40 * found.track
    box = np.stack([left, np.full_like(left, 10), left + 20, np.full_like(left, 34)], axis=1)
    return replace(found, box=box.astype(np.float32))


def draw(clip: SourceClip, found: Tracks, scratch: Path, **settings: int) -> Picture:
    stage = DrawTracks.model_validate({"size": 96, **settings})
    return stage.run(clip, probe(clip.path), found, Context(scratch))


def test_a_row_a_track_and_a_line_a_track(clip: SourceClip, tmp_path: Path) -> None:
    made = draw(clip, tracks((0, range(FRAMES)), (1, range(3, 7))), tmp_path, looks=5)
    sheet = cv2.imread(str(made.file))
    assert sheet is not None and sheet.shape == (2 * 96, 6 * 96, 3)
    last = sheet[96:, 5 * 96 :]
    assert (last == 32).all(), "a track of four frames has no fifth look"
    assert (sheet[96:, 4 * 96 : 5 * 96] != 32).any()
    assert made.told == (
        "track 0: 0.00 to 0.37 s, 12 frames (0 to 11), face 24 pixels tall",
        "track 1: 0.10 to 0.20 s, 4 frames (3 to 6), face 24 pixels tall",
    )


def test_boxes_are_drawn_where_the_faces_are(clip: SourceClip, tmp_path: Path) -> None:
    """Each in its own colour: the whole frame of a row shows both, its own one thicker."""
    both = draw(clip, tracks((0, range(FRAMES)), (1, range(FRAMES))), tmp_path)
    sheet = cv2.imread(str(both.file))
    one = draw(clip, tracks((0, range(FRAMES))), tmp_path)
    alone = cv2.imread(str(one.file))
    assert sheet is not None and alone is not None
    # 128 x 96 pixels are shown 96 wide: face 1 lies at 0.75 * (44..64, 10..34).
    changed = np.flatnonzero((sheet[:72, :96] != alone[:72, :96]).any(axis=(0, 2)))
    assert 28 <= changed.min() <= 34 and 46 <= changed.max() <= 52


def test_what_is_left_out_of_the_picture_is_in_the_words(clip: SourceClip, tmp_path: Path) -> None:
    found = tracks((0, range(4)), (1, range(4, 8)), (2, range(8, FRAMES)))
    found = replace(found, interpolated=found.frame == 5)
    made = draw(clip, found, tmp_path, most=1)
    sheet = cv2.imread(str(made.file))
    assert sheet is not None and sheet.shape[0] == 96
    assert len(made.told) == 3
    assert "4 frames (4 to 7), 1 of them not seen by the detector" in made.told[1]


def test_no_face_is_told(clip: SourceClip, tmp_path: Path) -> None:
    with pytest.raises(NothingToEdit, match=r"No face was found in c\.mp4"):
        draw(clip, tracks(), tmp_path)
