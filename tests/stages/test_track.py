from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from pipeline.stage import Context
from stages.artifacts import Colour, Faces, Shots, Tracks, Video
from stages.track import TrackFaces


def video(times: list[int] | range) -> Video:
    """Frames at the given hundredths of a second."""
    return Video(
        container="mov,mp4",
        codec="h264",
        pix_fmt="yuv420p",
        bit_depth=8,
        width=640,
        height=480,
        rotation=0,
        flip=False,
        sample_aspect_ratio=Fraction(1),
        time_base=Fraction(1, 100),
        frame_rate=Fraction(25),
        colour=Colour(2, 2, 2, 1, 1),
        working_matrix="bt709",
        working_range="limited",
        stream_index=0,
        first_frame=0,
        video_bytes=1,
        pts=np.array(times, np.int64),
    )


def faces(rows: Sequence[tuple[int, float, float, float]]) -> Faces:
    """Rows of (frame, x, y, height) of square ibug faces."""
    unit = np.random.default_rng(0).uniform(0, 1, (68, 2))
    table = sorted(rows, key=lambda row: row[0])
    return Faces(
        layout="ibug",
        frame=np.array([r[0] for r in table], np.int32),
        box=np.array([(x, y, x + h, y + h) for _, x, y, h in table], np.float32).reshape(-1, 4),
        score=np.ones(len(table), np.float32),
        landmarks=np.array([unit * h + (x, y) for _, x, y, h in table], np.float32).reshape(
            -1, 68, 2
        ),
    )


def track(found: Faces, clip: Video, cuts: tuple[int, ...] = (), **settings: float) -> Tracks:
    edges = [0, *cuts, clip.frames]
    shots = Shots(np.array(list(pairwise(edges)), np.int32))
    stage = TrackFaces(**settings)
    return stage.run(faces=found, shots=shots, video=clip, context=Context(Path()))


def test_two_moving_faces_keep_their_ids_and_the_larger_is_0() -> None:
    rows = [(i, 50 + 4.0 * i, 100, 60) for i in range(20)]
    rows += [(i, 400 - 4.0 * i, 90, 100) for i in range(20)]
    tracks = track(faces(rows), video(range(0, 80, 4)))
    assert tracks.track.tolist() == [0] * 20 + [1] * 20
    assert tracks.frame.tolist() == [*range(20), *range(20)]
    np.testing.assert_allclose(tracks.box[:20, 0], 400 - 4.0 * np.arange(20))
    assert not tracks.interpolated.any()


def test_a_short_gap_is_closed_linearly_in_time() -> None:
    """Frames 4 to 6 are missing; the frames lie unevenly, so must the points between."""
    clip = video([0, 4, 8, 12, 16, 22, 24, 28, 32, 36, 40, 44])
    rows = [(i, 10.0 * clip.pts[i] / 4, 50, 80) for i in range(12) if i not in (4, 5, 6)]
    tracks = track(faces(rows), clip, max_cost=2.5)
    assert tracks.frame.tolist() == list(range(12))
    assert np.flatnonzero(tracks.interpolated).tolist() == [4, 5, 6]
    np.testing.assert_allclose(tracks.box[:, 0], 10.0 * clip.pts / 4, rtol=1e-5)


def test_a_long_gap_ends_the_track() -> None:
    rows = [(i, 50, 50, 80) for i in range(30) if not 10 <= i < 20]
    tracks = track(faces(rows), video(range(0, 120, 4)))
    assert sorted(set(tracks.track.tolist())) == [0, 1]
    assert not tracks.interpolated.any()


def test_no_track_crosses_a_cut() -> None:
    rows = [(i, 50, 50, 80) for i in range(20)]
    tracks = track(faces(rows), video(range(0, 80, 4)), cuts=(12,))
    first = tracks.frame[tracks.track == 0]
    assert (first[0], first[-1]) == (0, 11), "the longer part comes first"
    assert tracks.frame[tracks.track == 1].tolist() == list(range(12, 20))


def test_flashes_are_dropped_unless_the_shot_is_no_longer() -> None:
    rows = [(i, 50, 50, 80) for i in range(20)] + [(i, 400, 50, 80) for i in (5, 6)]
    clip = video(range(0, 80, 4))
    assert set(track(faces(rows), clip).track.tolist()) == {0}
    assert set(track(faces(rows), clip, min_seconds=0).track.tolist()) == {0, 1}
    short = faces([(0, 50, 50, 80), (1, 50, 50, 80)])
    assert len(track(short, video([0, 4])).frame) == 2


def test_faces_that_cross_are_told_apart_by_their_place() -> None:
    rows = [(i, 100.0 + 10 * i, 100, 80) for i in range(20)]
    rows += [(i, 290.0 - 10 * i, 160, 90) for i in range(20)]
    tracks = track(faces(rows), video(range(0, 80, 4)))
    assert len(set(tracks.track.tolist())) == 2
    assert (np.diff(tracks.box[tracks.track == 0, 0]) < 0).all()


def test_a_far_false_alarm_does_not_break_a_good_pair() -> None:
    """Something small and far is lost in the frame in which somebody else comes in."""
    rows = [(i, 440.0 + i, 150, 180) for i in range(20)] + [(9, 200.0, 600, 60)]
    rows += [(i, 600.0, 100, 180) for i in range(10, 20)]
    tracks = track(faces(rows), video(range(0, 80, 4)))
    assert tracks.frame[tracks.track == 0].tolist() == list(range(20))


def test_no_faces_give_no_tracks() -> None:
    tracks = track(faces([]), video(range(0, 40, 4)))
    assert len(tracks.track) == 0 and tracks.landmarks.shape == (0, 68, 2)


def test_a_large_face_that_hangs_out_of_the_picture_does_not_come_first() -> None:
    hanging = [(i, 20.0, -70.0, 100.0) for i in range(20)]
    whole = [(i, 300.0, 200.0, 80.0) for i in range(20)]
    found = track(faces([*hanging, *whole]), video(range(0, 80, 4)))
    assert found.box[found.track == 0][0].tolist() == [300, 200, 380, 280]


def test_a_large_face_that_looks_away_does_not_come_first() -> None:
    found = faces(
        [
            *((i, 20.0, 20.0, 100.0) for i in range(20)),
            *((i, 300.0, 200.0, 80.0) for i in range(20)),
        ]
    )
    points = found.landmarks.copy()
    # Outer eye corners and the tip of the nose: the larger face's is far to one side.
    points[:, 36], points[:, 45] = found.box[:, :2], found.box[:, :2] + (50, 0)
    large = found.box[:, 0] < 100
    points[:, 30] = (points[:, 36] + points[:, 45]) / 2
    points[large, 30] += (25, 0)
    turned = Faces(
        layout="ibug", frame=found.frame, box=found.box, score=found.score, landmarks=points
    )
    ids = track(turned, video(range(0, 80, 4)))
    assert ids.box[ids.track == 0][0, 0] == 300
