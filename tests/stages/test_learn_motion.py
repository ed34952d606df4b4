"""What is kept of a reference clip."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import NothingToEdit
from pipeline.stage import Context
from stages.artifacts import F32, Alignment, Tracks
from stages.inversion_artifacts import Latents
from stages.learn_motion import LearnMotion, meshes
from stages.motion_file import Moves, read_motion
from tests.stages import tiny
from tests.stages.test_face_motion import mesh

ROWS = (0, 1, 4)


def tracks(alignment: Alignment, opening: F32) -> Tracks:
    """Meshes whose mouths are open that much, in the order of the alignment's rows."""
    n = len(alignment.frame)
    return Tracks(
        layout="mesh",
        track=alignment.track,
        frame=alignment.frame,
        box=np.zeros((n, 4), np.float32),
        score=np.ones(n, np.float32),
        interpolated=np.zeros(n, bool),
        landmarks=np.stack([mesh(100 * float(o), 60) for o in opening]),
    )


def latents(alignment: Alignment, w_plus: F32) -> list[Latents]:
    found = []
    for track in np.unique(alignment.track).tolist():
        own = alignment.track == track
        psnr = np.zeros(int(own.sum()), np.float32)
        found.append(Latents(track, alignment.frame[own], psnr, w_plus[own]))
    return found


def learn(alignment: Alignment, w_plus: F32, opening: F32, tmp_path: Path) -> Moves:
    stage = LearnMotion(generator="tiny", rows=ROWS, smoothing=0)
    made = stage.run(
        latents(alignment, w_plus),
        alignment,
        tracks(alignment, opening),
        tiny.video(40),
        Context(tmp_path),
    )
    return read_motion(made.file)


def test_differences_from_the_first_frame_of_the_longest_stretch(tmp_path: Path) -> None:
    """A gap after frame 3 parts two stretches; the second is longer."""
    alignment = tiny.alignment((0, range(4)), (0, range(6, 13)))
    w_plus = np.random.default_rng(0).normal(size=(11, 5, 16)).astype(np.float32)
    opening = np.linspace(0, 0.5, 11, dtype=np.float32)
    moves = learn(alignment, w_plus, opening, tmp_path)
    np.testing.assert_allclose(moves.seconds, 0.04 * np.arange(7), atol=1e-9)
    np.testing.assert_allclose(moves.codes, (w_plus[4:] - w_plus[4])[:, list(ROWS)], atol=1e-6)
    np.testing.assert_allclose(moves.measure("mouth"), opening[4:], atol=1e-6)
    assert moves.header.rows == ROWS and moves.header.generator == "tiny"


def test_a_face_in_one_frame_has_no_motion(tmp_path: Path) -> None:
    alignment = tiny.alignment((0, range(1)), (0, range(6, 7)))
    with pytest.raises(NothingToEdit, match="in one frame at a time"):
        learn(alignment, np.zeros((2, 5, 16), np.float32), np.zeros(2, np.float32), tmp_path)


def test_meshes_are_found_by_track_and_frame() -> None:
    whole = tiny.alignment((0, range(3)), (1, range(5)))
    seen = tracks(whole, np.arange(8, dtype=np.float32))
    second = tiny.alignment((1, range(5)))
    found = meshes(second, seen, np.array([4, 0]))
    np.testing.assert_array_equal(found, seen.landmarks[[7, 3]])
