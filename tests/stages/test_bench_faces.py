"""Faces in aligned crops over time."""

import numpy as np
import pytest

from stages.artifacts import U8
from stages.bench_faces import FaceJudges, face_figures
from stages.evaluation import Figure
from stages.inversion_artifacts import AlignedFaces
from stages.networks.facemesh import FaceMesh, Mesh
from stages.networks.mobilefacenet import Identity

SIDE = 64


class Spot(FaceMesh):
    """Stands in for the mesh: all landmarks where the picture is brightest; sure unless dark."""

    def __init__(self) -> None: ...

    def __call__(self, image: U8, quad: object) -> Mesh:
        row, column = np.unravel_index(image.sum(axis=2).argmax(), image.shape[:2])
        marks = np.tile(np.array([[column, row]], np.float32), (468, 1))
        # A face has a size, or there is no square around it.
        marks[::2] += np.float32(0.5)
        return Mesh(marks, 1.0 if image.any() else 0.0)


class Brightness(Identity):
    """Stands in for the recognition network: a person is the brightest pixel."""

    def __init__(self) -> None: ...

    def __call__(self, chips: U8) -> np.ndarray:
        turn = chips.max(axis=(1, 2, 3)) / 255
        return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


def spots(columns: list[int], level: int = 255) -> U8:
    crops = np.zeros((len(columns), SIDE, SIDE, 3), np.uint8)
    for crop, column in zip(crops, columns, strict=True):
        crop[32, column] = level
    return crops


def figures(before: U8, after: U8, identity: Identity | None = None) -> dict[str, Figure]:
    frames = np.arange(len(before), dtype=np.int32)
    windows = [(AlignedFaces(0, frames, False, before), after)]
    return {f.name: f for f in face_figures(windows, FaceJudges(Spot(), identity))}


def test_jitter_is_the_acceleration_beside_the_sources_own() -> None:
    found = figures(spots([10, 11, 13]), spots([10, 11, 15]))["landmark_jitter"]
    assert found.source == pytest.approx(1 / SIDE)
    assert found.value == pytest.approx(3 / SIDE)
    assert found.ratio == pytest.approx(3) and found.count == 1


def test_a_lost_face_breaks_the_row() -> None:
    after = spots([10, 11, 15, 18])
    after[1] = 0
    found = figures(spots([10, 11, 13, 14]), after)["landmark_jitter"]
    assert found.value is None and "three neighbouring frames" in found.note


def test_identity_needs_a_network() -> None:
    found = figures(spots([9, 9]), spots([9, 9]))
    for name in ("identity_mobilefacenet", "tl_id", "tg_id"):
        assert found[name].value is None and "--identity" in found[name].note


def test_identity_and_its_steadiness_are_relative_to_the_source() -> None:
    before = np.full((3, SIDE, SIDE, 3), 100, np.uint8)
    after = before.copy()
    after[1] = 160
    same, off = figures(before, before, Brightness()), figures(before, after, Brightness())
    for name in ("identity_mobilefacenet", "tl_id", "tg_id"):
        assert same[name].value == pytest.approx(1)
    turn = 60 / 255
    assert off["tl_id"].value == pytest.approx(np.cos(turn), abs=1e-3)
    assert off["tg_id"].value == pytest.approx((1 + 2 * np.cos(turn)) / 3, abs=1e-3)
    assert off["identity_mobilefacenet"].worst_frame == 1
