"""Crops to codes, and the rows they belong to."""

from pathlib import Path

import numpy as np

from pipeline.stage import Context
from stages.encode import EncodeFaces
from stages.inversion_artifacts import AlignedFaces
from tests.stages import tiny


def test_every_crop_gets_its_own_code() -> None:
    networks = tiny.inverter(tiny.SMALLER)
    crops = np.zeros((3, 64, 64, 3), np.uint8)
    crops[1], crops[2] = 51, 255
    faces = AlignedFaces(2, np.array([7, 8, 9], np.int32), True, crops)
    found = EncodeFaces().run(tiny.Encoding(networks), faces, Context(Path()))  # type: ignore[arg-type]

    assert (found.track, found.frame.tolist()) == (2, [7, 8, 9])
    moved = found.w_plus - networks.mean_code()
    np.testing.assert_allclose(moved[:, 0, 0], [-1, -0.6, 1], atol=1e-5)
