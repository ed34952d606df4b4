"""With networks that answer from a table: what is gathered from them, and when."""

from dataclasses import dataclass, field

import numpy as np
import pytest

from stages.evaluation import Figure
from stages.face_figures import NO_IDENTITY, FaceFigures, FaceNetworks, FaceRow
from stages.networks.facemesh import Mesh
from stages.networks.pooled_features import DIMS
from stages.paired_clips import Pair

LANDMARKS = np.random.default_rng(0).uniform(10, 50, (468, 2)).astype(np.float32)
QUAD = np.array([[0, 0], [0, 60], [60, 60], [60, 0]], np.float64)
BEFORE, AFTER = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 9, np.uint8)


@dataclass
class TableMesh:
    """``shift`` and ``seen`` of the result's landmarks, by call; the source's stand still."""

    shift: list[float]
    seen: list[bool]
    calls: int = 0

    def __call__(self, image: np.ndarray, quad: np.ndarray) -> Mesh:
        if image is BEFORE:
            return Mesh(LANDMARKS, 1.0)
        turn, self.calls = self.calls, self.calls + 1
        return Mesh(LANDMARKS + np.float32(self.shift[turn]), 0.9 if self.seen[turn] else 0.1)


class Brightness:
    name = "brightness"

    def __call__(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.abs(a.astype(float) - b).mean(axis=(1, 2, 3))


class Pooled:
    def __call__(self, crops: np.ndarray) -> np.ndarray:
        return np.repeat(crops.mean(axis=(1, 2, 3))[:, None], DIMS, axis=1)


@dataclass
class TableIdentity:
    """Turns the result's embedding on by so many degrees at each call."""

    degrees: float
    calls: int = field(default=0)

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        angle = np.radians(self.degrees * self.calls)
        self.calls += 1
        return np.array([[1, 0], [np.cos(angle), np.sin(angle)]], np.float32)


def figures(
    shift: list[float],
    seen: list[bool] | None = None,
    identity: TableIdentity | None = None,
    frames: list[int] | None = None,
) -> tuple[dict[str, Figure], FaceFigures]:
    mesh = TableMesh(shift, seen or [True] * len(shift))
    networks = FaceNetworks(mesh, Brightness(), Pooled(), identity=identity)
    found = FaceFigures(networks)
    for index in frames or range(len(shift)):
        found.add(Pair(index, index / 25, BEFORE, AFTER), FaceRow(0, QUAD, LANDMARKS))
    return {f.name: f for f in found.figures()}, found


def test_distances_are_taken_of_every_face_batch_or_not() -> None:
    found, counted = figures([0.0] * 11)
    assert (found["brightness"].value, found["brightness"].count) == (9, 11)
    assert found["fd_effnetlite0"].value == pytest.approx(DIMS * 81)
    assert "11 samples for 320 features" in found["fd_effnetlite0"].note
    assert (counted.faces, counted.lost) == (11, 0)


def test_what_cannot_be_had_is_named_with_its_reason() -> None:
    found, _ = figures([0.0] * 3)
    for name in ("identity_mobilefacenet", "tl_id", "tg_id"):
        assert (found[name].value, found[name].note) == (None, NO_IDENTITY)
    assert "lpips-vgg" in found["lpips_vgg"].note
    assert found["landmark_jitter"].ratio is None
    assert "do not move" in found["landmark_jitter"].note


def test_trembling_landmarks_are_measured_in_widths_of_the_crop() -> None:
    found, _ = figures([0.0, 0.6] * 3)
    # +-1.2 pixels of 60, in two coordinates, at 25 frames a second.
    assert found["landmark_jitter"].value == pytest.approx(0.02 * 625 * np.sqrt(2), rel=1e-3)
    assert found["landmark_jitter"].source == 0
    assert found["landmark_jitter"].count == 4


def test_a_face_that_is_lost_is_counted_and_breaks_the_sequence() -> None:
    shift, seen = [0.0, 0.0, 5.0, 0.0, 0.0], [True, True, False, True, True]
    found, counted = figures(shift, seen, TableIdentity(0))
    assert counted.lost == 1
    assert found["identity_mobilefacenet"].count == 4
    assert found["tl_id"].count == 2
    assert found["tg_id"].count == 6
    assert found["landmark_jitter"].value is None
    found, _ = figures([0.0] * 4, frames=[0, 1, 3, 4])
    assert found["landmark_jitter"].value is None


def test_identity_over_time_is_relative_to_the_sources() -> None:
    found, _ = figures([0.0] * 4, identity=TableIdentity(20))
    cosines = np.cos(np.radians([0, 20, 40, 60]))
    assert found["identity_mobilefacenet"].value == pytest.approx(cosines.mean(), abs=1e-5)
    assert found["identity_mobilefacenet"].worst_frame == 3
    assert found["tl_id"].value == pytest.approx(np.cos(np.radians(20)), abs=1e-5)
    pairs = [20, 20, 20, 40, 40, 60]
    assert found["tg_id"].value == pytest.approx(np.cos(np.radians(pairs)).mean(), abs=1e-5)


def test_two_people_need_not_be_alike() -> None:
    networks = FaceNetworks(
        TableMesh([0.0] * 8, [True] * 8), Brightness(), Pooled(), identity=TableIdentity(90)
    )
    both = FaceFigures(networks)
    for index in range(4):
        for track in (0, 1):  # their embeddings alternate, so each stays as it is, or opposite
            both.add(Pair(index, index / 25, BEFORE, AFTER), FaceRow(track, QUAD, LANDMARKS))
    found = {f.name: f for f in both.figures()}
    assert found["tl_id"].value == pytest.approx(-1, abs=1e-5)
    assert found["tl_id"].count == 6
    assert found["tg_id"].count == 12
