"""Which rows are inverted, and how they are cut into windows."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages.artifacts import Alignment, SourceClip, Video
from stages.crop_faces import CROP, CropFaces, runs, spaced
from stages.inversion_artifacts import AlignedFaces
from stages.media.reader import read_planes
from stages.quad import crop
from tests.media_fixtures import moving_picture, probe
from tests.stages import tiny


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceClip, Video]:
    path = moving_picture(tmp_path_factory.mktemp("clip") / "c.mp4", size="64x48", frames=30)
    return SourceClip(path, "0" * 64), probe(path)


def cut(clip: tuple[SourceClip, Video], alignment: Alignment, span: int = 8) -> list[AlignedFaces]:
    source, video = clip
    context = Context(source.path.parent)
    return list(CropFaces(span=span).run(source, video, alignment, context))


def test_runs_end_where_the_track_the_frame_or_the_edit_ends() -> None:
    weight = np.ones(14, np.float32)
    weight[[0, 10, 13]] = 0
    given = tiny.alignment((0, range(5)), (0, range(7, 10)), (1, range(10, 16)), weight=weight)
    assert list(runs(given)) == [(1, 5), (5, 8), (8, 10), (11, 13)]


def test_an_edit_that_is_nowhere_visible_has_no_runs() -> None:
    given = tiny.alignment((0, range(5)), weight=np.zeros(5, np.float32))
    assert list(runs(given)) == []


def test_a_row_alone_is_a_run() -> None:
    weight = np.array([0, 1, 0, 1], np.float32)
    assert list(runs(tiny.alignment((0, range(4)), weight=weight))) == [(1, 2), (3, 4)]


@pytest.mark.parametrize("length", [1, 2, 8, 9, 10, 16, 17, 18, 30])
def test_windows_share_their_end_frames_and_cover_the_run(
    clip: tuple[SourceClip, Video], length: int
) -> None:
    windows = cut(clip, tiny.alignment((0, range(length))))
    for one, following in pairwise(windows):
        assert one.joins_next and len(one.frame) == 9
        assert following.frame[0] == one.frame[-1]
        np.testing.assert_array_equal(following.crops[0], one.crops[-1])
    assert not windows[-1].joins_next
    own = [w.frame[: -1 if w.joins_next else None] for w in windows]
    assert np.concatenate(own).tolist() == list(range(length))
    assert len(windows) == 1 or len(windows[-1].frame) >= 2, "no frame is left over alone"


@pytest.mark.parametrize("length", [1, 2, 3, 4, 24, 25, 26, 28, 30])
def test_crops_may_lie_apart_and_the_ends_of_a_run_are_always_there(
    clip: tuple[SourceClip, Video], length: int
) -> None:
    """At 25 frames a second 0.12 s are three frames."""
    source, video = clip
    given = tiny.alignment((0, range(length)))
    context = Context(source.path.parent)
    windows = list(CropFaces(spacing=0.12).run(source, video, given, context))
    own = [w.frame[: -1 if w.joins_next else None] for w in windows]
    frames = np.concatenate(own)
    assert frames[0] == 0 and frames[-1] == length - 1
    assert np.diff(frames).max(initial=0) <= 3
    assert len(frames) == len({0, length - 1} | set(range(0, length, 3)))
    for one, following in pairwise(windows):
        assert one.joins_next and len(one.frame) == 9
        assert following.frame[0] == one.frame[-1]


def test_frames_that_are_further_apart_than_asked_are_all_taken() -> None:
    seconds = np.array([0, 0.04, 0.08, 0.5, 0.9, 0.94, 0.98])
    assert np.flatnonzero(spaced(seconds, 0.12)).tolist() == [0, 2, 3, 4, 6]
    assert spaced(seconds, 0).all()
    assert spaced(np.zeros(0), 0.1).tolist() == []


def test_crops_are_those_of_their_rows(clip: tuple[SourceClip, Video]) -> None:
    given = tiny.alignment((0, range(3, 9)), (2, range(5, 7)))
    windows = cut(clip, given, span=4)
    assert [(w.track, w.frame.tolist()) for w in windows] == [
        (0, [3, 4, 5, 6, 7]),
        (0, [7, 8]),
        (2, [5, 6]),
    ]
    (frame,) = read_planes(clip[0].path, clip[1], 6, 7)
    assert windows[0].crops.shape == (5, CROP, CROP, 3)
    np.testing.assert_array_equal(windows[0].crops[3], crop(frame.rgb(), given.quad[3], CROP))
    np.testing.assert_array_equal(windows[2].crops[1], windows[0].crops[3])


def test_progress_ends_at_all_rows(clip: tuple[SourceClip, Video], tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    context = Context(tmp_path, progress=lambda done, total: told.append((done, total)))
    given = tiny.alignment((0, range(12)), (1, range(3)))
    list(CropFaces().run(clip[0], clip[1], given, context))
    assert told[-1] == (15, 15)
