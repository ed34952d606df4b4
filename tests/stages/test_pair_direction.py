"""Directions from pairs of photographs: CRG's equation 3, and what is no photograph."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.failure import InputError, NothingToEdit
from pipeline.stage import Context
from stages import photographs
from stages.detect import DetectFaces
from stages.direction_file import read_direction
from stages.network_weights import GeneratorWeights
from stages.pair_direction import PairDirection, pair_directions
from stages.photographs import PhotographCodes, face_crop, read_picture
from tests.stages import tiny

WEIGHTS = GeneratorWeights("tiny", Path(), "0" * 64)


def pairs(count: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """(2 count, rows, 16) codes; those with it lie along a planted unit vector."""
    random = np.random.default_rng(0)
    planted = np.eye(16)[5]
    rows = tiny.SHAPE.rows
    without = np.repeat(random.normal(size=(count, 1, 16)), rows, axis=1)
    moved = without + 2 * planted + noise * random.normal(size=(count, 1, 16))
    codes = np.stack([without, moved], axis=1).reshape(2 * count, rows, 16)
    return codes.astype(np.float32), planted


def test_a_pair_gives_the_unit_vector_between_its_codes() -> None:
    codes, planted = pairs(1, noise=0)
    (found,) = pair_directions(codes, (0, 1))
    np.testing.assert_allclose(found, planted, atol=1e-6)


def test_the_mean_of_many_is_nearer_than_any(tmp_path: Path) -> None:
    codes, planted = pairs(10, noise=0.5)
    made = PairDirection(name="hat", made_by="this test").run(
        tiny.generator(), WEIGHTS, PhotographCodes(codes, np.full(20, 25, np.float32)),
        Context(tmp_path),
    )  # fmt: skip
    header, vector = read_direction(made.file)
    single = pair_directions(codes, tiny.SHAPE.active_rows) @ planted
    assert vector @ planted > single.max()
    assert header.how is not None and "10 pairs" in header.how and "25.0 dB" in header.how
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5) and header.correlation is None


def test_only_the_asked_rows_are_compared() -> None:
    codes, planted = pairs(1, noise=0)
    codes[1, 2] += 100
    np.testing.assert_allclose(pair_directions(codes, (0, 1))[0], planted, atol=1e-6)


def test_two_of_the_same_are_no_pair() -> None:
    codes, _ = pairs(2, noise=0)
    codes[3] = codes[2]
    with pytest.raises(InputError, match=r"^The two photographs of pair 2 are alike\.$"):
        pair_directions(codes, (0, 1))


def test_what_is_no_picture_is_told(tmp_path: Path) -> None:
    pickled = tmp_path / "face.png"
    pickled.write_bytes(pickle.dumps({"a": 1}))
    for path in (pickled, tmp_path / "none.png"):
        with pytest.raises(InputError, match=r"is not a picture that can be read\.$"):
            read_picture(path)


def test_a_picture_is_upright_as_its_tag_says(tmp_path: Path) -> None:
    picture = Image.new("RGB", (20, 10))
    picture.putpixel((0, 0), (255, 0, 0))
    tags = Image.Exif()
    tags[274] = 6  # a quarter turn clockwise
    picture.save(tmp_path / "turned.png", exif=tags)
    found = read_picture(tmp_path / "turned.png")
    assert found.shape == (20, 10, 3) and tuple(found[0, 9]) == (255, 0, 0)


def test_a_huge_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "large.png")
    monkeypatch.setattr(photographs.Image, "MAX_IMAGE_PIXELS", 150)
    with pytest.raises(InputError, match=r"large\.png has more than 150 pixels\.$"):
        read_picture(tmp_path / "large.png")


def test_no_face_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("RGB", (20, 10)).save(tmp_path / "wall.png")
    monkeypatch.setattr(DetectFaces, "faces_in", lambda *_: [])
    with pytest.raises(NothingToEdit, match=r"wall\.png shows no face\.$"):
        face_crop(None, tmp_path / "wall.png")  # type: ignore[arg-type]
