from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from stages.metrics.perceptual import EffnetDistance, to_tensor
from stages.networks.perceptual import Perceptual


def test_pixels_become_the_networks_range() -> None:
    found = to_tensor(np.array([0, 255, 0] * 4, np.uint8).reshape(1, 2, 2, 3))
    assert found.shape == (1, 3, 2, 2)
    assert (found[0, 0] == -1).all()
    assert (found[0, 1] == 1).all()


@pytest.mark.slow
def test_it_is_the_networks_distance_and_grows_with_blur(
    weights: Callable[[str], Path],
) -> None:
    network = Perceptual(weights("efficientnet-lite0"))
    metric = EffnetDistance(network)
    assert metric.name == "perceptual_effnetlite0"
    noise = np.random.default_rng(0).integers(0, 256, (1, 128, 128, 3), dtype=np.uint8)
    sharp = cv2.GaussianBlur(noise[0], (0, 0), 1)
    blurred = np.stack([cv2.GaussianBlur(sharp, (0, 0), s) for s in (1, 4)])
    same = np.repeat(sharp[None], 2, axis=0)
    np.testing.assert_allclose(metric(same, same), 0, atol=1e-6)
    found = metric(same, blurred)
    assert 0 < found[0] < found[1]
    maps = [network.features(torch.tensor(i.transpose(0, 3, 1, 2) / 127.5 - 1).float())
            for i in (same, blurred)]  # fmt: skip
    np.testing.assert_allclose(found, network.distance(*maps).numpy(), rtol=1e-4)
