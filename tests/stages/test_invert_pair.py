"""Two faces, one inversion."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import joint_inversion
from stages.artifacts import U8
from stages.initialise import Starter
from stages.inversion_artifacts import AlignedFaces
from stages.invert_pair import Ends, InvertPair
from tests.stages import tiny


def face(crop: U8) -> list[AlignedFaces]:
    return [AlignedFaces(0, np.zeros(1, np.int32), False, crop[None])]


def test_both_ends_are_found_and_are_not_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(joint_inversion, "INVERSION_SIZE", 64)
    inverter = tiny.inverter(tiny.SMALLER)
    crops = tiny.pictures(inverter, tiny.codes(inverter, 2))
    starter = Starter(inverter, tiny.Encoding(inverter))  # type: ignore[arg-type]
    steps: list[int] = []

    def ends(count: int) -> Ends:
        context = Context(tmp_path, progress=lambda done, total: steps.append(done))
        stage = InvertPair(steps=count, perceptual_size=64)
        return stage.run(starter, face(crops[0]), face(crops[1]), context)

    few, many = ends(1), ends(60)
    assert (many.psnr > few.psnr + 1).all()
    assert many.w_plus.shape == (2, tiny.SMALLER.rows, 16)
    assert np.abs(many.w_plus[0] - many.w_plus[1]).max() > 0.01
    assert steps == [1, *range(1, 61)]


def test_a_morph_has_two_ends() -> None:
    with pytest.raises(ValueError, match="two ends"):
        Ends(np.zeros(3, np.float32), np.zeros((3, 5, 16), np.float32))
