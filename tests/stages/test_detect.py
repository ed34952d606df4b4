from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import stages.networks.fan as fan
from pipeline.failure import MissingDependency
from pipeline.stage import Context
from stages.artifacts import Faces, SourceClip
from stages.detect import DetectFaces, FaceFinder, windows
from stages.media.reader import read_rgb
from stages.network_weights import FaceModelWeights
from stages.networks.blazeface import BlazeFace, Detections, Window
from stages.probe import Probe
from stages.quad import eyes_and_mouth
from stages.torchvision_ops import declare_missing_operators
from tests.media_fixtures import probe

CONTEXT = Context(Path())


@pytest.fixture(scope="session")
def finder(weights: Callable[[str], Path]) -> FaceFinder:
    models = FaceModelWeights("mediapipe-faces", weights("mediapipe-faces"), "")
    return DetectFaces().load(face_models=models, context=CONTEXT)


@pytest.fixture
def detect(
    finder: FaceFinder, assets: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Faces]:
    """Runs the stage on every ``stride``-th frame of a reference clip."""
    import stages.detect
    from stages.media.reader import read_rgb

    def run(name: str, last: int, stride: int = 1) -> Faces:
        clip = SourceClip(assets / "clips" / f"{name}.mp4", "")
        video = Probe().run(clip=clip, context=CONTEXT)
        monkeypatch.setattr(
            stages.detect, "read_rgb", lambda path, video: read_rgb(path, video, 0, last, stride)
        )
        return DetectFaces().run(loaded=finder, clip=clip, video=video, context=CONTEXT)

    return run


def test_squares_cover_a_wide_picture_and_none_is_added_to_a_square_one() -> None:
    assert windows(512, 512) == [(0, 0, 512)]
    whole, *tiles = windows(1280, 720)
    assert whole == (0, -280, 1280)
    assert tiles[0].x == 0 and tiles[-1].x + 720 == 1280 and {t.side for t in tiles} == {720}
    assert all(b.x - a.x <= 360 for a, b in pairwise(tiles))
    assert {(t.y, t.x) for t in windows(720, 1280)[1:]} == {(t.x, t.y) for t in tiles}


def test_one_face_in_every_frame(detect: Callable[..., Faces]) -> None:
    faces = detect("portrait_d18", last=12)
    assert faces.layout == "mesh" and faces.landmarks.shape == (12, 468, 2)
    assert faces.frame.tolist() == list(range(12))
    assert (faces.score > 0.95).all()
    height = faces.box[:, 3] - faces.box[:, 1]
    assert ((height > 240) & (height < 310)).all()
    eyes = eyes_and_mouth(faces.landmarks)[:, :2]
    assert np.abs(np.diff(eyes, axis=0)).max() < 4, "from frame to frame nothing jumps"


def test_two_faces_in_a_wide_picture(detect: Callable[..., Faces]) -> None:
    faces = detect("pexels_two_faces", last=60, stride=12)
    assert np.bincount(faces.frame).tolist() == [2] * 5


def test_the_same_bytes_every_time(detect: Callable[..., Faces]) -> None:
    one, two = (detect("portrait_d0", last=4) for _ in range(2))
    assert one.landmarks.tobytes() == two.landmarks.tobytes()
    assert one.box.tobytes() == two.box.tobytes()


def test_a_clip_without_faces(detect: Callable[..., Faces]) -> None:
    faces = detect("noface_bt709_full_range", last=10, stride=5)
    assert len(faces.frame) == 0 and faces.landmarks.shape == (0, 468, 2)


def test_small_faces_are_left_out(finder: FaceFinder, assets: Path) -> None:
    clip = SourceClip(assets / "clips" / "portrait_d0.mp4", "")
    video = Probe().run(clip=clip, context=CONTEXT)
    from stages.media.reader import read_rgb

    image = next(iter(read_rgb(clip.path, video, 0, 1)))
    assert len(DetectFaces(min_face=200).faces_in(finder, image, [])) == 1
    assert DetectFaces(min_face=350).faces_in(finder, image, []) == []


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_face_on_its_side_has_its_own_landmarks_turned(
    finder: FaceFinder, assets: Path, quarters: int
) -> None:
    """A phone held wrongly, or a rotation flag that is not meant."""
    path = assets / "clips" / "portrait_d3.mp4"
    image = next(iter(read_rgb(path, probe(path))))
    (upright,) = DetectFaces().faces_in(finder, image, [])
    turned = np.ascontiguousarray(np.rot90(image, quarters))
    (found,) = DetectFaces().faces_in(finder, turned, [])

    wanted, size = upright.landmarks, len(image)
    for _ in range(quarters):  # counter-clockwise, as numpy turns
        wanted = np.stack([wanted[:, 1], size - wanted[:, 0]], axis=1)
    eyes = np.linalg.norm(upright.landmarks[33] - upright.landmarks[263])
    assert np.linalg.norm(found.landmarks - wanted, axis=1).mean() < 0.06 * eyes
    assert found.confidence > 0.95


def test_an_upright_face_is_not_read_upside_down(finder: FaceFinder, assets: Path) -> None:
    """Though the detector is unsure of it, and surer of the picture turned."""
    path = assets / "clips" / "portrait_d0.mp4"
    image = next(iter(read_rgb(path, probe(path))))
    (usual,) = DetectFaces().faces_in(finder, image, [])

    class SurerOfTurned:
        """A little surer of every way up but the first."""

        calls = 0

        def __call__(self, image: np.ndarray, window: Window, threshold: float) -> Detections:
            self.calls += 1
            found = finder.detector(image, window, threshold)
            score = np.full_like(found.score, 0.55 if self.calls == 1 else 0.69)
            return Detections(found.box, score.astype(np.float32), found.points)

    misled = FaceFinder(cast(BlazeFace, SurerOfTurned()), finder.mesh, None)
    (found,) = DetectFaces().faces_in(misled, image, [])
    np.testing.assert_allclose(found.landmarks, usual.landmarks, atol=1)


def test_fan_without_its_weights_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    declare_missing_operators()
    import face_alignment

    def unreachable(*_: object, **__: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(face_alignment, "FaceAlignment", unreachable)
    with pytest.raises(MissingDependency, match=r"2DFAN4.*mesh") as caught:
        fan.Fan("cpu")
    assert caught.value.exit_code == 6
