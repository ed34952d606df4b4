"""The reference judges must be right themselves before they judge a result."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.stage import Context
from stages.detect import DetectFaces
from stages.network_weights import FaceModelWeights
from stages.networks.age_gender import AgeGender, face_chips
from tests.judges.crops import ARCFACE_112, arcface_crop, ffhq_crop, similarity
from tests.judges.faceapi import FaceApiAge, FaceApiExpression, FaceApiLandmarks
from tests.judges.fsanet import FsaNet
from tests.judges.mobilefacenet import MobileFaceNet
from tests.judges.yunet import YuNet


def read(path: Path) -> np.ndarray:
    return np.ascontiguousarray(cv2.imread(str(path))[..., ::-1])


@pytest.fixture(scope="module")
def photographs(assets: Path) -> np.ndarray:
    """(28, 256, 256, 3) FFHQ-aligned photographs."""
    files = sorted((assets / "images" / "celebahq_1024").glob("*.jpg"))
    size = (256, 256)
    return np.stack([cv2.resize(read(f), size, interpolation=cv2.INTER_AREA) for f in files])


def test_the_identity_judge_tells_ten_people_apart(assets: Path) -> None:
    yunet, net = YuNet(assets / "weights"), MobileFaceNet(assets / "weights")
    files = sorted((assets / "images" / "lfw_10x10").glob("*.jpg"))
    crops = []
    for file in files:
        picture = read(file)
        middle = np.array(picture.shape[1::-1]) / 2
        faces = yunet(picture)
        face = min(faces, key=lambda f: float(np.hypot(*(f.points.mean(0) - middle))))
        crops.append(arcface_crop(picture, face.points))
    embeddings = net.embed(np.stack(crops))
    people = np.array([f.name.rsplit("_", 1)[0] for f in files])
    upper = np.triu_indices(len(files), 1)
    same = (people[:, None] == people)[upper]
    score = (embeddings @ embeddings.T)[upper]
    balanced = max(
        ((score[same] > t).mean() + (score[~same] <= t).mean()) / 2 for t in np.arange(0, 0.8, 0.02)
    )
    assert balanced > 0.975
    # 0.5, the acceptance threshold, is stricter than the best one for telling people apart.
    assert (score[~same] > 0.5).mean() < 0.005


def test_two_age_judges_of_different_origin_agree(
    photographs: np.ndarray, assets: Path, weights: Callable[[str], Path]
) -> None:
    first = AgeGender(weights("age-gender"), threads=1)
    second = FaceApiAge(assets / "weights")
    ages = first.age(photographs), second.age(photographs)
    assert np.corrcoef(*ages)[0, 1] > 0.88
    assert all(15 < a.mean() < 45 for a in ages)
    genders = first.gender(photographs) > 0.5, second.gender(photographs) > 0.5
    assert (genders[0] == genders[1]).mean() > 0.95
    assert 0.2 < genders[0].mean() < 0.8


def test_mouths_and_expressions_agree_with_the_mesh(
    photographs: np.ndarray, assets: Path, weights: Callable[[str], Path]
) -> None:
    models = FaceModelWeights("mediapipe-faces", weights("mediapipe-faces"), "")
    finder = DetectFaces().load(face_models=models, context=Context(models.folder))
    meshes = np.stack([DetectFaces().faces_in(finder, p, [])[0].landmarks for p in photographs])
    apart = np.linalg.norm(meshes[:, 33] - meshes[:, 263], axis=1)
    opening = np.linalg.norm(meshes[:, 13] - meshes[:, 14], axis=1) / apart
    width = np.linalg.norm(meshes[:, 61] - meshes[:, 291], axis=1) / apart
    mouth = FaceApiLandmarks(assets / "weights").mouth(photographs)
    assert np.corrcoef(mouth, opening)[0, 1] > 0.8
    happy = FaceApiExpression(assets / "weights").happy(photographs)
    assert np.corrcoef(happy, width)[0, 1] > 0.7


def test_mirrored_faces_turn_the_other_way_and_look_as_high(
    photographs: np.ndarray, assets: Path
) -> None:
    yunet, pose = YuNet(assets / "weights"), FsaNet(assets / "weights")

    def seen(pictures: np.ndarray) -> np.ndarray:
        faces = [yunet(picture)[0] for picture in pictures]
        pairs = list(zip(pictures, faces, strict=True))
        return np.array([[pose.yaw(*pair), pose.pitch(*pair)] for pair in pairs])

    plain = seen(photographs)
    mirrored = seen(np.ascontiguousarray(photographs[:, :, ::-1]))
    assert np.corrcoef(plain[:, 0], mirrored[:, 0])[0, 1] < -0.9
    assert np.corrcoef(plain[:, 1], mirrored[:, 1])[0, 1] > 0.9


def test_crops_from_five_points_match_the_photographs_own_alignment(assets: Path) -> None:
    yunet = YuNet(assets / "weights")
    for file in sorted((assets / "images" / "celebahq_1024").glob("*.jpg"))[:4]:
        picture = read(file)
        again = ffhq_crop(picture, yunet(picture)[0].points)
        found = yunet(again)[0].points
        expected = yunet(cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA))[0].points
        assert np.abs(found - expected).max() < 12


def test_a_similarity_is_recovered_exactly() -> None:
    turn = np.array([[0.0, -2.0], [2.0, 0.0]])
    moved = ARCFACE_112 @ turn.T + [30, 7]
    matrix = similarity(moved, ARCFACE_112)
    np.testing.assert_allclose(moved @ matrix[:, :2].T + matrix[:, 2], ARCFACE_112, atol=1e-9)


def test_ages_do_not_depend_on_the_batch(
    photographs: np.ndarray, weights: Callable[[str], Path]
) -> None:
    net = AgeGender(weights("age-gender"), threads=1)
    many = net.age(np.concatenate([photographs, photographs[:8]]))
    assert many.shape == (36,)
    assert many.dtype == np.float32
    np.testing.assert_allclose(many[:2], net.age(photographs[:2]), atol=0.01)
    assert net.age(photographs[:0]).shape == (0,)


def test_chips_are_the_inner_face() -> None:
    crop = np.zeros((1, 192, 192, 3), np.uint8)
    crop[:, 54:182, 32:160] = 200
    assert (face_chips(crop, 64) == 200).all()
    with pytest.raises(ValueError, match="at least 96 pixels, got 90x90"):
        face_chips(np.zeros((1, 90, 90, 3), np.uint8), 64)
