from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.metrics.niqe import Pristine, aggd, load_pristine, niqe, normalised, patch_features


def picture() -> np.ndarray:
    """Something with detail at all scales."""
    rng = np.random.default_rng(0)
    out = np.zeros((300, 420, 3))
    for s in (1, 2, 4, 8, 16, 32):
        out += cv2.GaussianBlur(rng.standard_normal((300, 420, 3)), (0, 0), s) * s * s
    out = (out - out.min()) / (out.max() - out.min()) * 255
    return out.astype(np.uint8)


LUMA = np.array([0.2989, 0.5870, 0.1140])


def test_the_statistics_are_scikit_videos() -> None:
    """What sk-video 1.1.10's own code gives for this picture (imresize replaced by Pillow's)."""
    found = patch_features(picture() @ LUMA)
    assert found.shape == (12, 36)
    some = found.mean(axis=0)[[0, 1, 2, 3, 4, 5, 10, 18, 20, 35]]
    theirs = [1.593, 0.24460089, 0.48216667, 0.02766104, 0.00185246]
    theirs += [0.00587447, 0.579, 1.72425, 0.5735, 0.01432093]
    np.testing.assert_allclose(some, theirs, rtol=5e-3, atol=1e-3)


def test_an_asymmetric_gaussian_is_recovered() -> None:
    rng = np.random.default_rng(1)
    normal = np.abs(rng.standard_normal(200_000))
    left = rng.random(len(normal)) < 1 / 3  # density is continuous: mass goes with the scale
    samples = np.where(left, -1.0, 2.0) * normal
    alpha, mean, bl, br = aggd(samples.astype(np.float32))
    assert alpha == pytest.approx(2, abs=0.05)
    assert (bl, br) == pytest.approx((np.sqrt(2), 2 * np.sqrt(2)), rel=0.02)
    assert mean == pytest.approx(np.sqrt(2) / np.sqrt(np.pi), rel=0.02)


def test_normalised_luma_has_no_mean_and_about_unit_contrast() -> None:
    noise = np.random.default_rng(2).normal(128, 30, (200, 200)).astype(np.float32)
    found = normalised(noise)[8:-8, 8:-8]
    assert abs(found.mean()) < 0.01
    assert 0.8 < found.std() < 1.2


def test_the_distance_is_mahalanobis() -> None:
    rgb = picture()
    features = patch_features(rgb @ LUMA)
    here = Pristine(features.mean(axis=0), np.cov(features.T))
    assert niqe(rgb, here) == pytest.approx(0, abs=1e-6)
    moved = Pristine(here.mean + 0.3, 2 * np.eye(36) - np.cov(features.T))
    assert niqe(rgb, moved) == pytest.approx(0.3 * 6)


def test_small_pictures_are_refused() -> None:
    with pytest.raises(ValueError, match="192 pixels"):
        niqe(picture()[:191], Pristine(np.zeros(36), np.eye(36)))


@pytest.mark.slow
def test_photographs_get_worse_by_blur_and_by_noise(
    weights: Callable[[str], Path], assets: Path
) -> None:
    pristine = load_pristine(weights("niqe"))
    assert niqe(picture(), pristine) == pytest.approx(22.154, rel=2e-3)  # sk-video's own code
    rng = np.random.default_rng(0)
    # sk-video's own code says 10.808 and 12.361 of the whole photographs.
    for name, theirs in (("005735", 10.808), ("016387", 12.361)):
        photo = cv2.imread(str(assets / "images" / "celebahq_1024" / f"{name}.jpg"))[..., ::-1]
        assert niqe(photo, pristine) == pytest.approx(theirs, rel=2e-3)
        assert niqe(cv2.GaussianBlur(photo, (0, 0), 3), pristine) > theirs + 2
        noisy = np.clip(photo + rng.normal(0, 20, photo.shape), 0, 255).astype(np.uint8)
        assert niqe(noisy, pristine) > theirs + 1
