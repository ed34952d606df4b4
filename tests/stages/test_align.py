from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import NothingToEdit, UsageError
from pipeline.stage import Context
from stages.align import AlignFaces
from stages.artifacts import Alignment, Colour, Likeness, Shots, Tracks, Video
from stages.quad import axes_of, side_of

FRAMES = 60


def video(times: np.ndarray) -> Video:
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
        time_base=Fraction(1, 1000),
        frame_rate=Fraction(25),
        colour=Colour(2, 2, 2, 1, 1),
        working_matrix="bt709",
        working_range="limited",
        stream_index=0,
        first_frame=0,
        video_bytes=1,
        pts=times.astype(np.int64),
    )


CLIP = video(np.arange(FRAMES) * 40)


def face(centre: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """(n, 68, 2) faces with eyes 40 apart before turning by ``yaw`` degrees."""
    angle = np.linspace(np.pi, 0, 17)
    points = np.zeros((len(centre), 68, 2), np.float32)
    points[:, :17] = np.stack([40 * np.cos(angle), 60 * np.sin(angle)], axis=1)
    points[:, 17:27] = np.stack([np.linspace(-30, 30, 10), np.full(10, -15)], axis=1)
    points[:, 36:42], points[:, 42:48] = (-20, -2), (20, -2)
    points[:, 48], points[:, 54] = (-14, 40), (14, 40)
    points[:, 30] = (0, 15)
    turn = np.deg2rad(yaw)
    points[..., 0] *= np.cos(turn)[:, None]
    points[:, 30, 0] += 20 * np.sin(turn)
    return points + centre[:, None].astype(np.float32)


def tracks(*parts: tuple[range, np.ndarray | float]) -> Tracks:
    """One track per (frames, yaw)."""
    frame = np.concatenate([np.array(frames, np.int32) for frames, _ in parts])
    ids = np.repeat(np.arange(len(parts), dtype=np.int32), [len(f) for f, _ in parts])
    yaw = np.concatenate([np.broadcast_to(y, len(f)) for f, y in parts]).astype(float)
    centre = np.stack([200 + 2.0 * frame, np.full(len(frame), 200.0)], axis=1)
    landmarks = face(centre, yaw)
    box = np.concatenate([landmarks.min(axis=1), landmarks.max(axis=1)], axis=1)
    return Tracks(
        layout="ibug",
        track=ids,
        frame=frame,
        box=box,
        score=np.ones(len(frame), np.float32),
        interpolated=np.zeros(len(frame), bool),
        landmarks=landmarks,
    )


def align(given: Tracks, cuts: tuple[int, ...] = (), **settings: float | str) -> Alignment:
    edges = [0, *cuts, FRAMES]
    shots = Shots(np.array(list(pairwise(edges)), np.int32))
    stage = AlignFaces.model_validate(settings)
    return stage.run(tracks=given, shots=shots, video=CLIP, context=Context(Path()))


def test_a_steadily_moving_face_is_followed_exactly() -> None:
    result = align(tracks((range(FRAMES), 0.0)))
    centre = axes_of(result.quad).centre
    np.testing.assert_allclose(centre[:, 0], 200 + 2.0 * np.arange(FRAMES), atol=1e-3)
    assert (result.weight == 1).all(), "a track that fills its shot does not fade"
    assert result.outline.shape == (FRAMES, 36, 2)


def test_jitter_is_removed_from_the_quad() -> None:
    given = tracks((range(FRAMES), 0.0))
    noise = np.random.default_rng(0).normal(scale=1.0, size=given.landmarks.shape)
    given.landmarks[:] += noise.astype(np.float32)
    raw = align(given, centre_seconds=0, axes_seconds=0).quad
    steady = align(given).quad
    jitter = [np.diff(q, n=2, axis=0).std() for q in (raw, steady)]
    assert jitter[1] < 0.2 * jitter[0]


def test_fades_only_in_mid_shot() -> None:
    weight = align(tracks((range(10, FRAMES), 0.0))).weight
    assert weight[0] == 0 and (np.diff(weight[:11]) > 0).all()
    assert (weight[11:] == 1).all(), "0.4 s are ten frames; the clip's end is no loss"
    weight = align(tracks((range(10, 30), 0.0)), cuts=(10,)).weight
    assert weight[0] == 1 and weight[-1] == 0, "a cut is not faded, a loss is"


def test_profile_is_not_edited() -> None:
    yaw = np.linspace(0, 80, FRAMES)
    weight = align(tracks((range(FRAMES), yaw))).weight
    assert (weight[yaw < 38] == 1).all() and (weight[yaw > 62] == 0).all()
    assert (np.diff(weight) <= 1e-6).all()


def test_the_largest_face_is_chosen_in_each_shot() -> None:
    given = tracks((range(30), 0.0), (range(20), 0.0), (range(30, 60), 0.0), (range(40, 60), 0.0))
    assert set(align(given, cuts=(30,)).track.tolist()) == {0, 2}
    assert set(align(given, cuts=(30,), face="all").track.tolist()) == {0, 1, 2, 3}
    assert set(align(given, cuts=(30,), face="track:1").track.tolist()) == {1}


def test_the_margin_enlarges_the_crop() -> None:
    given = tracks((range(FRAMES), 0.0))
    ratio = side_of(align(given, margin=0.25).quad) / side_of(align(given).quad)
    np.testing.assert_allclose(ratio, 1.25)


@pytest.mark.parametrize(("face", "said"), [("track:7", "tracks 0 to 1"), ("track:2", "track:2")])
def test_a_track_that_is_not_there(face: str, said: str) -> None:
    given = tracks((range(30), 0.0), (range(30), 0.0))
    with pytest.raises(NothingToEdit, match=said):
        align(given, face=face)


def test_no_track_at_all() -> None:
    given = tracks((range(1), 0.0))
    none = Tracks(
        layout="ibug",
        track=given.track[:0],
        frame=given.frame[:0],
        box=given.box[:0],
        score=given.score[:0],
        interpolated=given.interpolated[:0],
        landmarks=given.landmarks[:0],
    )
    with pytest.raises(NothingToEdit, match="no face"):
        align(none)


def test_the_person_in_a_photograph_is_aligned() -> None:
    given = tracks((range(20), 0.0), (range(20), 0.0))
    likeness = Likeness(np.arange(2, dtype=np.int32), np.array([[0.1], [0.8]], np.float32), 0.45)
    shots = Shots(np.array([[0, FRAMES]], np.int32))
    stage = AlignFaces(face="like:anna")
    found = stage.run(given, shots, CLIP, Context(Path()), likeness)
    assert set(found.track.tolist()) == {1}


@pytest.mark.parametrize(
    "face", ["biggest", "track:", "track:-1", "like:", "", "all,", "track:0,second"]
)
def test_unknown_selectors_are_usage_errors(face: str) -> None:
    with pytest.raises(UsageError, match="largest, all, track:N or like:PHOTO"):
        AlignFaces(face=face)


def test_yaw_limits_in_the_wrong_order() -> None:
    with pytest.raises(UsageError, match="yaw_none 30"):
        AlignFaces(yaw_full=40, yaw_none=30)
