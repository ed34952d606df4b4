"""A few moments of a clip instead of all of it."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import InputError, NothingToEdit
from pipeline.stage import Context
from stages.artifacts import Faces
from stages.media.reader import read_planes
from stages.pick_frames import MomentsAsShots, PickFrames, PickRows, moments
from tests.media_fixtures import probe, with_sound
from tests.stages import tiny

CONTEXT = Context(Path())
WHOLE = tiny.video(50)


def seen(*frames: int) -> Faces:
    n = len(frames)
    return Faces(
        layout="mesh",
        frame=np.array(frames, np.int32),
        box=np.zeros((n, 4), np.float32),
        score=np.ones(n, np.float32),
        landmarks=np.zeros((n, 468, 2), np.float32),
    )


def test_moments_lie_evenly_or_where_they_were_named() -> None:
    seconds = WHOLE.seconds
    assert moments(seconds, 1, ()).tolist() == [25]
    assert moments(seconds, 3, ()).tolist() == [8, 25, 41]
    assert moments(seconds[:2], 5, ()).tolist() == [0, 1]
    assert moments(seconds, 3, (1.01, 0.0, 0.99)).tolist() == [0, 25]
    assert moments(seconds, 3, (2.0,)).tolist() == [49]
    with pytest.raises(InputError, match=r"no frame at 9 s: it lasts from 0\.00 to 1\.96 s"):
        moments(seconds, 3, (9.0,))


def test_each_moment_has_its_neighbours_and_is_a_shot() -> None:
    part = PickFrames(frames=2, around=0.08).run(WHOLE, CONTEXT)
    assert part.pts.tolist() == [40 * i for i in (*range(10, 15), *range(35, 40))]
    shots = MomentsAsShots().run(WHOLE, part, seen(0), CONTEXT)
    assert shots.ranges.tolist() == [[0, 5], [5, 10]]
    joined = PickFrames(at=(0.4, 0.48)).run(WHOLE, CONTEXT)
    assert MomentsAsShots().run(WHOLE, joined, seen(0), CONTEXT).ranges.tolist() == [[0, 9]]


def test_only_what_is_listed_is_read(tmp_path: Path) -> None:
    clip = with_sound(tmp_path / "c.mp4", frames=30)
    whole = probe(clip)
    part = PickFrames(frames=2, around=0.04).run(whole, CONTEXT)
    assert 4 <= part.frames <= 6
    every = {frame.pts: frame.planes for frame in read_planes(clip, whole)}
    found = list(read_planes(clip, part))
    assert [frame.pts for frame in found] == part.pts.tolist()
    for frame in found:
        np.testing.assert_array_equal(frame.planes[0], every[frame.pts][0])


def test_no_face_in_the_moments_is_told() -> None:
    part = PickFrames(frames=1).run(WHOLE, CONTEXT)
    with pytest.raises(NothingToEdit, match="in the 7 frames looked at; name another time"):
        MomentsAsShots().run(WHOLE, part, seen(), CONTEXT)


def test_rows_of_the_moments_own_frames_are_picked() -> None:
    part = PickFrames(frames=2, around=0.08).run(WHOLE, CONTEXT)
    given = tiny.alignment((0, range(5)), (1, range(5)), (2, range(5, 10)))
    found = PickRows(frames=2).run(WHOLE, part, given, CONTEXT)
    assert list(zip(found.track.tolist(), found.frame.tolist(), strict=True)) == [
        (0, 2), (1, 2), (2, 7),
    ]  # fmt: skip
    whole = tiny.alignment((0, range(50)))
    assert PickRows(frames=2).run(WHOLE, WHOLE, whole, CONTEXT).frame.tolist() == [12, 37]


def test_faces_that_are_not_there_or_turned_away_are_told() -> None:
    away = tiny.alignment((0, range(50)), weight=np.zeros(50, np.float32))
    for given in (away, tiny.alignment((0, range(5)))):
        with pytest.raises(NothingToEdit, match=r"can be edited at 0\.48, 1\.48 s"):
            PickRows(frames=2).run(WHOLE, WHOLE, given, CONTEXT)
