"""Samples with labels: what is drawn, how it is rendered, what is measured on it."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from pipeline.stage import Context
from stages import label_samples
from stages.artifacts import F32, U8
from stages.detect import DetectFaces
from stages.label_samples import LABELS, SIZE, Labellers, LabelSamples, label, render_256
from stages.network_weights import GeneratorWeights
from stages.networks.rgb_head import RenderableGenerator, head_inputs
from stages.skin import CHEEKS
from tests.stages import tiny


class FakeAges:
    """Age is the mean red value, gender certain for the first."""

    def age(self, crops: U8) -> F32:
        return np.asarray(crops[..., 0].mean(axis=(1, 2)), np.float32)

    def gender(self, crops: U8) -> F32:
        return np.linspace(1, 0.25, len(crops)).astype(np.float32)


class Found:
    """A detection with a mesh whose eyes are 60 apart, and cheeks where it has nothing else."""

    def __init__(self) -> None:
        self.landmarks = np.zeros((468, 2), np.float32)
        for cheek, x in zip(CHEEKS, (70, 130), strict=True):
            turn = np.arange(len(cheek)) / len(cheek) * 2 * np.pi
            self.landmarks[list(cheek)] = (x, 135) + 9 * np.stack([np.cos(turn), np.sin(turn)], 1)
        self.landmarks[[33, 133]] = (70, 100)
        self.landmarks[[362, 263]] = (130, 100)
        self.landmarks[[168, 197]] = ((100, 98), (100, 112))
        self.landmarks[4] = (100, 120)
        self.landmarks[[13, 14]] = ((100, 150), (100, 165))
        self.landmarks[[61, 291]] = ((80, 155), (125, 155))


@pytest.fixture
def labellers(monkeypatch: pytest.MonkeyPatch) -> Labellers:
    def faces_in(self: object, finder: object, picture: U8, *_: object) -> list[Found]:
        return [Found()] if picture.max() > 10 else []

    monkeypatch.setattr(DetectFaces, "faces_in", faces_in)
    generator = RenderableGenerator(tiny.generator(), {})
    return Labellers(generator, cast(Any, FakeAges()), cast(Any, None))


@torch.no_grad()
def test_renders_are_the_256_heads() -> None:
    model = tiny.generator(tiny.BIGGER)
    random = torch.Generator().manual_seed(0)
    w_plus = torch.randn(3, model.shape.rows, 16, generator=random)
    inputs = head_inputs(model, model.features(w_plus, SIZE // 2), w_plus).shape[1]
    heads = {SIZE: torch.randn(12, inputs + 1, generator=random) / inputs}
    generator = RenderableGenerator(model, heads)
    shown = render_256(generator, w_plus)
    assert shown.shape == (3, 256, 256, 3) and shown.dtype == np.uint8
    assert shown.std() > 1, "nothing is seen"
    wanted = ((generator(w_plus, SIZE).clamp(-1, 1) + 1) * 127.5).permute(0, 2, 3, 1).numpy()
    assert np.abs(shown - wanted).max() <= 0.51


def test_labels_are_years_logit_degrees_and_shares_of_the_eyes_distance(
    labellers: Labellers,
) -> None:
    crops = np.full((2, 256, 256, 3), 40, np.uint8)
    found = dict(zip(LABELS, label(labellers, crops).T, strict=True))
    np.testing.assert_allclose(found["age"], 40)
    np.testing.assert_allclose(found["gender"], [np.log(0.9999 / 0.0001), np.log(1 / 3)], rtol=1e-3)
    np.testing.assert_allclose(found["yaw"], 0, atol=1e-6)
    np.testing.assert_allclose(found["mouth"], 0.25)
    np.testing.assert_allclose(found["smile"], 0.75)
    np.testing.assert_allclose(found["lightness"], 16.1, atol=0.2)  # of sRGB grey 40
    np.testing.assert_allclose([found["redness"], found["yellowness"]], 0, atol=0.1)
    np.testing.assert_allclose(found["glasses"], 0, atol=1e-6)


def test_where_there_is_no_face_only_age_and_gender_are_known(labellers: Labellers) -> None:
    (row,) = label(labellers, np.zeros((1, 256, 256, 3), np.uint8))
    assert np.isnan(row[2:]).all() and np.isfinite(row[:2]).all()


def test_samples_lie_at_their_share_from_the_mean(
    labellers: Labellers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        label_samples, "render_256", lambda generator, w: np.zeros((len(w), 8, 8, 3), np.uint8)
    )
    weights, context = GeneratorWeights("tiny", Path(), "0" * 64), Context(Path())
    near, far = (
        LabelSamples(samples=20, psi=psi).run(labellers, generator=weights, context=context)
        for psi in (0.4, 0.8)
    )
    assert near.generator == "tiny"
    assert near.w.shape == (20, 16) and near.labels.shape == (20, len(LABELS))
    mean = labellers.generator.generator.mean_latent().numpy()
    np.testing.assert_allclose(far.w - mean, 2 * (near.w - mean), atol=1e-5)
    again = LabelSamples(samples=20, psi=0.4).run(labellers, generator=weights, context=context)
    np.testing.assert_array_equal(again.w, near.w)
    other = LabelSamples(samples=20, psi=0.4, seed=1).run(
        labellers, generator=weights, context=context
    )
    assert np.abs(other.w - near.w).max() > 1e-2
