"""The feature distance that stands in for LPIPS offline."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from stages.networks.perceptual import Perceptual


@pytest.fixture(scope="module")
def net(weights: Callable[[str], Path]) -> Perceptual:
    return Perceptual(weights("efficientnet-lite0"))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    """(2, 3, 64, 64) smooth random pictures in [-1, 1]."""
    small = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return F.interpolate(small, (64, 64), mode="bicubic").clamp(-1, 1)


def test_features_are_five_maps_of_unit_length(net: Perceptual, images: torch.Tensor) -> None:
    maps = net.features(images)
    assert [m.shape[-1] for m in maps] == [32, 16, 8, 4, 4]
    for m in maps:
        length = m.square().sum(dim=1)
        assert float((length - 1).abs().max()) < 1e-3


def test_the_distance_is_zero_for_the_same_symmetric_and_grows(
    net: Perceptual, images: torch.Tensor
) -> None:
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
    a = net.features(images)
    little, much = (net.features(images + k * noise) for k in (0.02, 0.3))

    assert net.distance(a, a).tolist() == [0, 0]
    torch.testing.assert_close(net.distance(a, little), net.distance(little, a))
    assert (net.distance(a, much) > 2 * net.distance(a, little)).all()
    assert (net.distance(a, little) > 0).all()


def test_frames_do_not_mix_and_gradients_reach_the_image(
    net: Perceptual, images: torch.Tensor
) -> None:
    given = images.clone().requires_grad_(True)
    distance = net.distance(net.features(given), net.features(images.flip(0)))
    distance[0].backward()  # type: ignore[no-untyped-call]
    assert given.grad is not None
    assert float(given.grad[0].abs().max()) > 0
    assert float(given.grad[1].abs().max()) == 0
    assert not any(p.requires_grad for p in net.parameters())
