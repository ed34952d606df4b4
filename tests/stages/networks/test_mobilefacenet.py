from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.failure import InputError
from stages.networks.mobilefacenet import ARCFACE, Identity, face_chip, similarity


def test_a_similarity_is_found_again() -> None:
    angle, scale = 0.4, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(ARCFACE, ARCFACE @ turn.T + [3, -7])
    np.testing.assert_allclose(found, np.hstack([turn, [[3], [-7]]]), atol=1e-9)


def test_faces_are_not_mirrored() -> None:
    mirrored = ARCFACE * [-1, 1]
    assert np.linalg.det(similarity(ARCFACE, mirrored)[:, :2]) > 0


def test_another_networks_file_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for name, held in (("a.pth", {"conv.weight": torch.zeros(3)}), ("b.pth", [1, 2])):
        torch.save(held, tmp_path / name)
        with pytest.raises(InputError, match=f"{name} is not a PyTorch checkpoint of MobileFace"):
            Identity(tmp_path / name)
    (tmp_path / "c.pth").write_text("not a file of PyTorch")
    with pytest.raises(InputError, match="is not a PyTorch checkpoint"):
        Identity(tmp_path / "c.pth")


@pytest.mark.slow
def test_it_is_the_judges_network_and_knows_people_apart(
    assets: Path, weights: Callable[[str], Path]
) -> None:
    """The judge has its own code, detector and points; ten people, two photographs each."""
    from pipeline.stage import Context
    from stages.detect import DetectFaces
    from stages.network_weights import FaceModelWeights
    from tests.judges.crops import arcface_crop
    from tests.judges.mobilefacenet import MobileFaceNet
    from tests.judges.yunet import YuNet

    ours = Identity(assets / "weights" / "identity_mobilefacenet" / "arcface_mobilefacenet.pth")
    judge, yunet = MobileFaceNet(assets / "weights"), YuNet(assets / "weights")
    folder = weights("mediapipe-faces")
    stage = DetectFaces()
    finder = stage.load(FaceModelWeights("mediapipe-faces", folder, ""), Context(folder))
    chips, theirs, people = [], [], []
    photographs = sorted((assets / "images" / "lfw_10x10").rglob("*.jpg"))
    for path in photographs[::5]:
        image = cv2.imread(str(path))[..., ::-1].copy()
        ours_here, theirs_here = stage.faces_in(finder, image, []), yunet(image)
        if ours_here and theirs_here:
            chips.append(face_chip(image, ours_here[0].landmarks))
            theirs.append(arcface_crop(image, theirs_here[0].points))
            people.append(path.name.rsplit("_", 1)[0])
    assert len(chips) >= 16
    stack = np.stack(chips)
    found = ours(stack)
    np.testing.assert_allclose(found, judge.embed(stack), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    # The same faces by another detector's five points.
    assert np.median((found * judge.embed(np.stack(theirs))).sum(1)) > 0.8
    same = np.equal.outer(people, people) & ~np.eye(len(people), dtype=bool)
    table = found @ found.T
    assert np.median(table[same]) > 0.4
    assert np.quantile(table[~same & ~np.eye(len(people), dtype=bool)], 0.95) < 0.35
