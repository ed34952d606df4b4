"""The generator against OpenVINO on the same file, and what W+ promises."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from stages.networks.mobile_stylegan import (
    GeneratorShape,
    MobileStyleGAN,
    load_mobile_stylegan,
)
from tests.stages import tiny

NAME = "mobilestylegan-ffhq"


@pytest.fixture(scope="module")
def model() -> MobileStyleGAN:
    return tiny.generator()


@pytest.fixture(scope="module")
def real(weights: Callable[[str], Path]) -> MobileStyleGAN:
    return load_mobile_stylegan(weights(NAME))


def openvino(folder: Path, stem: str) -> Callable[[np.ndarray], np.ndarray]:
    """The reference: OpenVINO in fp32. Its default on some machines is bf16, which is 0.3 off."""
    from openvino import Core

    core = Core()
    settings: dict[str, Any] = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    compiled = core.compile_model(str(folder / f"{stem}.xml"), "CPU", settings)
    return lambda given: np.asarray(compiled([given])[compiled.output(0)])


def noise(seed: int, count: int = 1) -> torch.Tensor:
    return torch.randn(count, 512, generator=torch.Generator().manual_seed(seed))


@torch.no_grad()
def test_the_mapping_agrees_with_openvino(
    real: MobileStyleGAN, weights: Callable[[str], Path]
) -> None:
    reference = openvino(weights(NAME), "MappingNetwork")
    for seed in range(5):
        z = noise(seed)
        assert np.abs(real.mapping(z).numpy() - reference(z.numpy())).max() < 1e-3


@pytest.mark.slow
@torch.no_grad()
def test_the_synthesis_agrees_with_openvino(
    real: MobileStyleGAN, weights: Callable[[str], Path]
) -> None:
    reference = openvino(weights(NAME), "SynthesisNetwork")
    for seed in range(4):
        w = real.mapping(noise(seed))
        ours, theirs = real(real.broadcast(w)).numpy(), reference(w.numpy())
        assert ours.shape == theirs.shape == (1, 3, 1024, 1024)
        assert theirs.std() > 0.2
        assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.slow
@torch.no_grad()
def test_seven_rows_of_the_real_network_do_nothing(real: MobileStyleGAN) -> None:
    w_plus = real.broadcast(real.mapping(noise(9))).clone()
    idle = sorted(set(range(23)) - set(real.shape.active_rows))
    other = w_plus.clone()
    other[:, idle] += 10
    assert torch.equal(real(other), real(w_plus))


def test_the_shape_of_the_real_network() -> None:
    shape = GeneratorShape()
    assert (shape.rows, shape.size) == (23, 1024)
    active = (0, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17, 19, 20, 21)
    assert shape.active_rows == active


@torch.no_grad()
def test_each_active_row_acts_and_no_other_does(model: MobileStyleGAN) -> None:
    w_plus = model.broadcast(torch.randn(1, 16, generator=torch.Generator().manual_seed(1)))
    before = model(w_plus)
    for row in range(model.shape.rows):
        other = w_plus.clone()
        other[:, row] += 0.5
        change = float((model(other) - before).abs().max())
        if row in model.shape.active_rows:
            assert change > 1e-2, f"row {row} does nothing"
        else:
            assert change == 0, f"row {row} acts"


@torch.no_grad()
def test_any_batch_gives_what_its_frames_give_alone(model: MobileStyleGAN) -> None:
    random = torch.Generator().manual_seed(2)
    w_plus = torch.randn(3, model.shape.rows, 16, generator=random)
    together = model(w_plus)
    alone = torch.cat([model(code[None]) for code in w_plus])
    assert together.shape == (3, 3, 256, 256)
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=0)
    assert float((alone[0] - alone[1]).abs().mean()) > 1e-2


def test_in_bf16_images_and_gradients_are_near_and_the_original_stays(
    model: MobileStyleGAN,
) -> None:
    given = torch.randn(2, model.shape.rows, 16, generator=torch.Generator().manual_seed(2))
    made = {}
    for name, network in (("fp32", model), ("bf16", model.in_bf16()), ("again", model)):
        w_plus = given.clone().requires_grad_()
        image = network(w_plus)
        made[name] = image.detach(), *torch.autograd.grad(image.square().mean(), w_plus)
    for exact, near, again in zip(*made.values(), strict=True):
        assert near.dtype == torch.float32
        assert 0 < float((near - exact).norm() / exact.norm()) < 5e-2
        assert torch.equal(again, exact)
    rounded = list(model.in_bf16().pyramid(given, 128))
    assert [x.dtype == torch.bfloat16 for x in rounded] == [x.shape[-1] >= 64 for x in rounded]
    for near, exact in zip(rounded, model.pyramid(given, 128), strict=True):
        if near.shape[-1] < 64:
            assert torch.equal(near, exact)
    assert torch.equal(model.in_bf16().mean_latent(), model.mean_latent())
    assert torch.equal(model.in_bf16().principal_axes(), model.principal_axes())


@torch.no_grad()
def test_the_pyramid_ends_where_it_is_asked_to(model: MobileStyleGAN) -> None:
    w_plus = model.broadcast(torch.zeros(2, 16))
    assert [f.shape[-1] for f in model.pyramid(w_plus, 32)] == [4, 8, 16, 32]
    torch.testing.assert_close(model.features(w_plus, 32), [*model.pyramid(w_plus, 128)][3])


def test_gradients_reach_every_active_row(model: MobileStyleGAN) -> None:
    w_plus = torch.zeros(1, model.shape.rows, 16, requires_grad=True)
    model(w_plus).square().sum().backward()
    assert w_plus.grad is not None
    reached = w_plus.grad.abs().amax(dim=(0, 2)) > 0
    assert tuple(reached.nonzero()[:, 0].tolist()) == model.shape.active_rows


def test_the_mapping_sees_only_the_direction_of_z(model: MobileStyleGAN) -> None:
    z = torch.randn(2, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(model.mapping(z), model.mapping(7 * z), atol=1e-5, rtol=1e-5)


def test_the_mean_latent_is_that_of_the_samples(model: MobileStyleGAN) -> None:
    mean = model.mean_latent(2048)
    assert torch.equal(mean, model.mean_latent(2048))
    other = model.mean_latent(2048, seed=1)
    assert 0 < float((mean - other).abs().max()) < 0.1


def test_along_the_principal_axes_w_varies_as_they_are_long(model: MobileStyleGAN) -> None:
    axes = model.principal_axes(2048)
    assert torch.equal(axes, model.principal_axes(2048))
    lengths = axes.square().sum(dim=0)
    torch.testing.assert_close(lengths.mean(), torch.tensor(1.0))
    within = axes.T @ axes - torch.diag(lengths)
    assert float(within.abs().max()) < 1e-4, "they stand upright on each other"
    random = torch.Generator().manual_seed(4)
    w = model.mapping(torch.randn(4000, 16, generator=random)).detach()
    used = lengths > 1e-3 * lengths.max()
    along = ((w - w.mean(dim=0)) @ axes[:, used] / lengths[used]).var(dim=0)
    torch.testing.assert_close(along / along.mean(), torch.ones(int(used.sum())), atol=0.2, rtol=0)
