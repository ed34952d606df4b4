"""Flow between crops: on its own grid, both ways, with what is hidden marked."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pipeline.failure import UsageError
from pipeline.stage import Context
from stages.artifacts import F32, U8
from stages.flow import EstimateFlow
from stages.inversion_artifacts import AlignedFaces

CONTEXT = Context(Path())
SIDE = 256


def faces(crops: list[U8]) -> AlignedFaces:
    return AlignedFaces(0, np.arange(len(crops), dtype=np.int32), False, np.stack(crops))


def texture(shift: int = 0) -> U8:
    fine = np.random.default_rng(0).normal(size=(SIDE, SIDE + 64, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(fine, (0, 0), 4)
    smooth *= 50 / smooth.std()
    return np.clip(128 + smooth[:, 32 - shift : 32 - shift + SIDE], 0, 255).astype(np.uint8)


def test_flow_is_kept_in_pixels_of_its_grid() -> None:
    stage = EstimateFlow(size=64)
    flow = stage.run(stage.load(CONTEXT), faces([texture(), texture(12), texture(12)]), CONTEXT)

    assert flow.forward.shape == (2, 64, 64, 2) and flow.visible.shape == (2, 64, 64)
    inner = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(np.median(flow.forward[0][inner], axis=(0, 1)), [3, 0], atol=0.1)
    np.testing.assert_allclose(np.median(flow.backward[0][inner], axis=(0, 1)), [-3, 0], atol=0.1)
    assert np.abs(flow.forward[1]).max() < 0.1
    assert flow.visible[1].all() and flow.visible_back[1].all()


def test_what_leaves_the_picture_is_not_visible() -> None:
    stage = EstimateFlow(size=64)
    flow = stage.run(stage.load(CONTEXT), faces([texture(), texture(32)]), CONTEXT)
    assert not flow.visible[0, 8:-8, -6:].any()
    assert flow.visible[0, 8:-8, 16:40].mean() > 0.95
    assert not flow.visible_back[0, 8:-8, :6].any()


def test_flow_that_does_not_return_is_occluded() -> None:
    def wrong(a: U8, b: U8) -> F32:
        flow = np.zeros((SIDE, SIDE, 2), np.float32)
        if int(a[0, 0, 0]) < int(b[0, 0, 0]):
            flow[:, :128, 0] = 40  # there, and never back
        return flow

    crops = [np.full((SIDE, SIDE, 3), v, np.uint8) for v in (0, 200)]
    flow = EstimateFlow(size=32).run(wrong, faces(crops), CONTEXT)
    assert not flow.visible[0, :, :15].any()
    assert flow.visible[0, :, 18:].all()


def test_a_window_of_one_frame_has_no_flow() -> None:
    stage = EstimateFlow(size=32)
    flow = stage.run(stage.load(CONTEXT), faces([texture()]), CONTEXT)
    assert flow.forward.shape == (0, 32, 32, 2) and flow.visible.shape == (0, 32, 32)


@pytest.mark.slow
def test_an_unknown_model_is_told_when_it_is_loaded() -> None:
    with pytest.raises(UsageError, match="'nonsense' is unknown"):
        EstimateFlow(model="nonsense").load(CONTEXT)
