from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.networks.blazeface import (
    FULL_RANGE,
    SHORT_RANGE,
    BlazeFace,
    Detections,
    Variant,
    Window,
    anchor_centres,
    cut_window,
    merge_overlapping,
    overlaps,
)
from stages.networks.facemesh import FaceMesh, quad_of_detection, quad_of_landmarks
from stages.quad import eyes_and_mouth, ffhq_axes, quad_of


def detections(*rows: tuple[float, float, float, float, float]) -> Detections:
    """Rows of (x0, y0, x1, y1, score); the points lie on the box's corner."""
    table = np.array(rows, np.float32).reshape(-1, 5)
    points = np.repeat(table[:, None, :2], 6, axis=1)
    return Detections(table[:, :4], table[:, 4], points)


def test_anchor_counts_and_places() -> None:
    """The numbers of MediaPipe's ssd_anchors calculator for these models."""
    short, full = anchor_centres(SHORT_RANGE.grids), anchor_centres(FULL_RANGE.grids)
    assert short.shape == (896, 2) and full.shape == (2304, 2)
    np.testing.assert_allclose(short[[0, 1, 2]], [(1 / 32, 1 / 32)] * 2 + [(3 / 32, 1 / 32)])
    np.testing.assert_allclose(short[512:518], [(1 / 16, 1 / 16)] * 6)
    np.testing.assert_allclose(full[[0, 1, 48]], [(1, 1), (3, 1), (1, 3)] / np.array(96))


def test_intersection_over_union() -> None:
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([(0, 0, 2, 2), (1, 0, 3, 2), (5, 5, 6, 6)], np.float32)
    np.testing.assert_allclose(overlaps(box, others), [1, 1 / 3, 0], atol=1e-6)


def test_a_cluster_becomes_its_weighted_mean() -> None:
    merged = merge_overlapping(
        detections((0, 0, 10, 10, 0.6), (2, 0, 12, 10, 0.9), (50, 50, 60, 60, 0.7))
    )
    np.testing.assert_allclose(merged.score, [0.9, 0.7])
    np.testing.assert_allclose(merged.box[0], (1.2, 0, 11.2, 10), atol=1e-5)
    np.testing.assert_allclose(merged.points[0, 0], (1.2, 0), atol=1e-5)


def test_nothing_merges_to_nothing() -> None:
    merged = merge_overlapping(detections())
    assert merged.box.shape == (0, 4) and merged.points.shape == (0, 6, 2)


def test_windows_beyond_the_picture_are_black_and_in_place() -> None:
    image = np.full((40, 80, 3), 200, np.uint8)
    square = cut_window(image, Window(0, -20, 80), 40)
    assert (square[:10] == 0).all() and (square[30:] == 0).all() and (square[10:30] == 200).all()


@pytest.fixture(scope="session")
def models(weights: Callable[[str], Path]) -> Path:
    return weights("mediapipe-faces")


def photograph(assets: Path, index: int) -> np.ndarray:
    path = sorted((assets / "images" / "celebahq_1024").glob("*.jpg"))[index]
    bgr = cv2.imread(str(path))
    assert bgr is not None
    return np.ascontiguousarray(bgr[:, :, ::-1], np.uint8)


@pytest.mark.parametrize("variant", [FULL_RANGE, SHORT_RANGE])
def test_the_detector_finds_a_small_face_where_it_is(
    variant: Variant, models: Path, assets: Path
) -> None:
    photo = cv2.resize(photograph(assets, 0), (300, 300), interpolation=cv2.INTER_AREA)
    picture = np.full((720, 720, 3), 90, np.uint8)
    picture[200:500, 350:650] = photo
    found = merge_overlapping(BlazeFace(models, variant)(picture, Window(0, 0, 720)))
    assert len(found.box) == 1 and found.score[0] > 0.7
    middle = (found.box[0, :2] + found.box[0, 2:]) / 2
    np.testing.assert_allclose(middle, (500, 365), atol=30)
    eyes = found.points[0, :2]
    assert eyes[0, 0] < eyes[1, 0] and (eyes[:, 1] < middle[1]).all()


def test_the_mesh_sits_on_the_face_whatever_its_roll(models: Path, assets: Path) -> None:
    """FFHQ-like photographs: the quad is about the image; and it turns with the image."""
    photo = photograph(assets, 0)
    detector, mesh = BlazeFace(models), FaceMesh(models)
    quads = []
    for angle in (0, 25):
        turn = cv2.getRotationMatrix2D((511.5, 511.5), angle, 0.7)
        picture = np.asarray(cv2.warpAffine(photo, turn, (1024, 1024)), np.uint8)
        found = merge_overlapping(detector(picture, Window(0, 0, 1024)))
        first = mesh(picture, quad_of_detection(found, 0))
        second = mesh(picture, quad_of_landmarks(first.landmarks))
        assert second.confidence > 0.95
        back = cv2.invertAffineTransform(turn)
        quad = quad_of(ffhq_axes(second.landmarks))
        quads.append((quad - 0.5) @ back[:, :2].T + back[:, 2] + 0.5)
    corners = np.array([(0, 0), (0, 1024), (1024, 1024), (1024, 0)])
    assert np.abs(quads[0] - corners).max() < 80
    assert np.abs(quads[0] - quads[1]).max() < 25


def test_the_mesh_refuses_a_wall(models: Path) -> None:
    noise = np.random.default_rng(0).integers(100, 140, (300, 300, 3), np.uint8)
    quad = np.array([(50, 50), (50, 250), (250, 250), (250, 50)], float)
    assert FaceMesh(models)(noise, quad).confidence < 0.5


def test_the_mesh_keeps_left_and_right(models: Path, assets: Path) -> None:
    photo = photograph(assets, 1)
    quad = np.array([(100, 100), (100, 924), (924, 924), (924, 100)], float)
    eye_0, eye_1, mouth = eyes_and_mouth(FaceMesh(models)(photo, quad).landmarks)
    assert eye_0[0] < mouth[0] < eye_1[0]
