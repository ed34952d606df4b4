"""The small heads: what they read, how they render, and what the fitted ones are worth."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from stages.networks.mobile_stylegan import GeneratorShape, from_coefficients, load_mobile_stylegan
from stages.networks.rgb_head import RenderableGenerator, head_inputs, late_rows, load_heads
from tests.stages import tiny

SHAPE = tiny.SMALLER
"""Images of 64; the head is for 32 and reads the features of 16 pixels."""


def random_codes(count: int, seed: int = 0) -> torch.Tensor:
    random = torch.Generator().manual_seed(seed)
    return torch.randn(count, SHAPE.rows, SHAPE.style_dim, generator=random)


def test_late_rows_are_those_the_features_have_not_met() -> None:
    shape = GeneratorShape()
    assert late_rows(shape, 128) == (16, 17, 19, 20, 21)
    assert late_rows(shape, 256) == (19, 20, 21)
    assert late_rows(shape, 512) == (21,)
    assert late_rows(shape, 4) == shape.active_rows[1:]


@torch.no_grad()
def test_late_rows_change_no_features_and_all_others_do() -> None:
    model = tiny.generator(SHAPE)
    w_plus = random_codes(1)
    before = model.features(w_plus, 16)
    for row in SHAPE.active_rows:
        other = w_plus.clone()
        other[:, row] += 1
        assert torch.equal(model.features(other, 16), before) == (row in late_rows(SHAPE, 16))


@torch.no_grad()
def test_a_head_reads_features_and_what_the_late_rows_make_of_them() -> None:
    model, w_plus = tiny.generator(SHAPE), random_codes(2)
    features = model.features(w_plus, 16)
    inputs = head_inputs(model, features, w_plus)
    assert inputs.shape == (2, 32, 16, 16)
    assert torch.equal(inputs[:, :16], features)
    for row in SHAPE.active_rows:
        other = w_plus.clone()
        other[:, row] += 1
        changed = not torch.equal(head_inputs(model, features, other), inputs)
        assert changed == (row in late_rows(SHAPE, 16)), f"row {row}"


@torch.no_grad()
def test_the_late_blocks_run_as_the_generator_would_on_flat_features() -> None:
    model, w_plus = tiny.generator(SHAPE), random_codes(1)
    flat = torch.zeros(1, 16, 16, 16)
    # The low band alone: the high bands are what a head leaves out.
    flat[:, :4] = torch.rand(4, generator=torch.Generator().manual_seed(1))[:, None, None]
    full = model.blocks[2](flat, w_plus[:, 7], w_plus[:, 8])
    full = full * model.to_image.modulation(w_plus[:, 9])[:, :, None, None] * model.to_image.scale
    late = head_inputs(model, flat, w_plus)[:, 16:]

    # Far from the edges, where the generator pads with zeros.
    torch.testing.assert_close(late[0, :, 8, 8], full[0, :, 16, 16], atol=1e-4, rtol=1e-4)
    assert float(full[0, :, 16, 16].abs().max()) > 0.01


@torch.no_grad()
def test_heads_come_back_from_their_file_and_render(tmp_path: Path) -> None:
    model = tiny.generator(SHAPE)
    random = torch.Generator().manual_seed(1)
    head = torch.randn(12, 33, generator=random)
    save_file({"32": head}, tmp_path / "h.st")
    both = load_heads(model, tmp_path / "h.st")
    w_plus = random_codes(2)

    assert both.sizes == (32, 64)
    assert not any(p.requires_grad for p in both.parameters())
    torch.testing.assert_close(both(w_plus, 64), model(w_plus))
    inputs = head_inputs(model, model.features(w_plus, 16), w_plus)
    x = torch.einsum("oc,nchw->nohw", head[:, :-1], inputs) + head[:, -1, None, None]
    wanted = from_coefficients(x)
    torch.testing.assert_close(both(w_plus, 32), wanted, atol=1e-3, rtol=1e-3)
    with pytest.raises(ValueError, match=r"no head renders at 128; sizes are \(32, 64\)"):
        both(w_plus, 128)


def test_gradients_reach_every_active_row_through_a_head() -> None:
    head = torch.randn(12, 33, generator=torch.Generator().manual_seed(1))
    both = RenderableGenerator(tiny.generator(SHAPE), {32: head})
    w_plus = random_codes(1).requires_grad_(True)
    both(w_plus, 32).square().sum().backward()
    assert w_plus.grad is not None
    reached = w_plus.grad.abs().amax(dim=(0, 2)) > 0
    assert tuple(reached.nonzero()[:, 0].tolist()) == SHAPE.active_rows


@pytest.mark.slow
@torch.no_grad()
def test_the_fitted_heads_are_near_the_full_output(weights: Callable[[str], Path]) -> None:
    file = weights("heads-mobilestylegan-ffhq") / "heads.safetensors"
    both = load_heads(load_mobile_stylegan(weights("mobilestylegan-ffhq")), file)
    model = both.generator
    z = torch.randn(2, 512, generator=torch.Generator().manual_seed(77))
    mean = model.mean_latent()
    w_plus = model.broadcast(mean + 0.7 * (model.mapping(z) - mean))
    full = torch.cat([model(code[None]).clamp(-1, 1) for code in w_plus])
    for size in (256, 512):
        mse = F.mse_loss(
            both(w_plus, size).clamp(-1, 1), F.interpolate(full, (size, size), mode="area")
        )
        assert float(10 * torch.log10(4 / mse)) > 25
