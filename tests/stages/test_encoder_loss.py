"""The losses of papers 002 and 004."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity

from stages.encoder_loss import CROPS, crop, image_terms, latent_terms, over_crops, ssim_map
from tests.stages import tiny


def pictures(seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(2, 3, 8, 8, generator=random) * 2 - 1
    return torch.nn.functional.interpolate(coarse, (64, 64), mode="bilinear")


def test_similarity_is_that_of_scikit_image() -> None:
    a, b = pictures(0), (pictures(0) + 0.3 * pictures(1)).clamp(-1, 1)
    ours = ssim_map(a, b).mean(dim=(2, 3))[0]
    for channel in range(3):
        _, wanted = structural_similarity(  # type: ignore[no-untyped-call]
            a[0, channel].numpy(), b[0, channel].numpy(), data_range=2, gaussian_weights=True,
            sigma=1.5, use_sample_covariance=False, full=True,
        )  # fmt: skip
        assert float(ours[channel]) == pytest.approx(float(wanted[5:-5, 5:-5].mean()), abs=1e-4)


def test_crops_are_those_of_the_published_code() -> None:
    """AT1 = x[:, :, :, W/8 : -W/8]; AT2 = x[:, :, 5H/32 : -5H/32, 5W/32 : -5W/32]."""
    image = torch.arange(256.0 * 256).view(1, 1, 256, 256)
    (_, *at1), (_, *at2) = CROPS[1:]
    assert torch.equal(crop(image, *at1), image[:, :, :, 32:-32])
    assert torch.equal(crop(image, *at2), image[:, :, 40:-40, 40:-40])
    weights = sum(weight for weight, _, _ in CROPS)
    assert float(over_crops(torch.ones(1, 3, 64, 64))) == pytest.approx(weights) == 2.0


def test_image_terms_are_nothing_at_the_target_and_grow_away_from_it() -> None:
    wanted, other = pictures(0), pictures(1)
    net = tiny.BlurredPixels()
    values = [
        float(image_terms(torch.lerp(wanted, other, share), wanted, net))
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert values[0] == pytest.approx(0, abs=1e-4)
    assert np.all(np.diff(values) > 0.1)


def test_latent_terms_weigh_distance_and_angle() -> None:
    code = torch.tensor([[[1.0, 0.0], [0.0, 1.0]]])
    assert float(latent_terms(code, code)) == pytest.approx(0, abs=1e-5)
    # Twice as long: no angle, a mean squared difference of a half.
    assert float(latent_terms(2 * code, code)) == pytest.approx(5 * 0.5, abs=1e-5)
    assert float(latent_terms(-code, code)) == pytest.approx(5 * 2 + 3 * 2, abs=1e-5)
