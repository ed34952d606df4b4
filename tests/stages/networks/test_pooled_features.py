from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet

from stages.networks.pooled_features import DIMS, SIZE, PooledFeatures


@pytest.mark.slow
def test_it_is_what_the_classifier_has_before_its_head(weights: Callable[[str], Path]) -> None:
    folder = weights("efficientnet-lite0")
    crops = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    found = PooledFeatures(folder)(crops)
    assert found.shape == (2, DIMS)

    whole = EfficientNet.from_name("efficientnet-lite0").eval()
    (file,) = folder.glob("*.pth")
    whole.load_state_dict(torch.load(file, map_location="cpu", weights_only=True))
    seen: list[torch.Tensor] = []
    whole._conv_head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        whole((torch.tensor(crops.transpose(0, 3, 1, 2)).float() - 127) / 128)
    np.testing.assert_allclose(found, seen[0].mean((2, 3)).numpy(), atol=1e-4)


@pytest.mark.slow
def test_larger_crops_are_averaged(weights: Callable[[str], Path]) -> None:
    network = PooledFeatures(weights("efficientnet-lite0"))
    small = np.random.default_rng(0).integers(0, 256, (1, SIZE, SIZE, 3), dtype=np.uint8)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    np.testing.assert_allclose(network(large), network(small), atol=1e-4)
