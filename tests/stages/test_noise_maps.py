"""Noise maps fit the layers they are offsets of."""

import torch

from stages.networks.mobile_stylegan import GeneratorShape, StyledConv
from stages.noise_maps import NoiseMaps, noise_sizes
from tests.stages import tiny


def test_sizes_are_those_of_the_generators_own_noise() -> None:
    model = tiny.generator()
    own = [m.noise.shape[-1] for m in model.modules() if isinstance(m, StyledConv)]
    assert noise_sizes(model.shape, model.shape.size // 2) == own
    assert noise_sizes(GeneratorShape(), 16) == [4, 8, 8, 16, 16]


def test_no_offset_is_an_offset_of_nothing() -> None:
    network = tiny.renderable(tiny.SMALLER)
    shape = network.generator.shape
    codes = torch.randn(2, shape.rows, shape.style_dim, generator=torch.Generator().manual_seed(0))
    maps = NoiseMaps(noise_sizes(shape, 32), 2, "cpu").maps
    with torch.no_grad():
        plain = network(codes, 64)
        torch.testing.assert_close(network(codes, 64, maps), plain)
        maps[3][1] += 0.5
        moved = (network(codes, 64, maps) - plain).abs().amax(dim=(1, 2, 3))
        # Offsets of the first layers only: the others keep their noise.
        torch.testing.assert_close(network(codes, 64, maps[:4]), network(codes, 64, maps))
    assert float(moved[0]) < 1e-5 < 1e-3 < float(moved[1])


def test_gradients_come_back_to_the_frames_they_are_of() -> None:
    maps = NoiseMaps([4, 8], 3, "cpu")
    parts = [[2], [0]]
    leaves = [maps.leaves(part) for part in parts]
    for value, leaf in zip((1.0, 2.0), leaves, strict=True):
        for each in leaf:
            each.grad = torch.full_like(each, value)
    maps.take([2, 0], [[torch.full_like(x, v) for x in leaf] for v, leaf in
                       zip((1.0, 2.0), leaves, strict=True)])  # fmt: skip
    for each in maps.maps:
        assert each.grad is not None
        assert each.grad.amax(dim=(1, 2, 3)).tolist() == [2.0, 0.0, 1.0]
