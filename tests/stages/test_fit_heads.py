"""Fitting heads by least squares to a tiny generator."""

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional as F

from pipeline.stage import Context
from stages import fit_heads
from stages.fit_heads import FitHeads, haar, sample_w_plus, samples_of
from stages.network_weights import GeneratorWeights
from stages.networks.mobile_stylegan import MobileStyleGAN, from_coefficients
from stages.networks.rgb_head import late_rows, load_heads
from tests.stages import tiny


@pytest.fixture(scope="module")
def model() -> MobileStyleGAN:
    return tiny.generator(tiny.SMALLER)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, model: MobileStyleGAN) -> None:
    """One head, for 32, and no file to read the generator from."""
    monkeypatch.setattr(fit_heads, "SIZES", (32,))
    monkeypatch.setattr(fit_heads, "INVERSION_SIZE", 32)
    monkeypatch.setattr(fit_heads, "load_mobile_stylegan", lambda folder: model)


def test_the_forward_transform_undoes_the_inverse() -> None:
    image = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    x = haar(image)
    assert x.shape == (2, 12, 4, 6)
    torch.testing.assert_close(from_coefficients(x), image)


@torch.no_grad()
def test_samples_are_like_the_codes_of_an_inversion(model: MobileStyleGAN) -> None:
    random = torch.Generator().manual_seed(0)
    codes = sample_w_plus(model, 3, 0.3, random)
    late = late_rows(model.shape, 16)
    free = [row for row in model.shape.active_rows if row not in late]
    assert codes.shape == (3, model.shape.rows, 16)
    rest = sorted(set(range(model.shape.rows)) - set(free))
    mean = codes[:, free].mean(dim=1, keepdim=True).expand(-1, len(rest), -1)
    torch.testing.assert_close(codes[:, rest], mean)
    assert float((codes[:, 0] - codes[:, 1]).abs().mean()) > 1e-3
    together = sample_w_plus(model, 3, 0.0, torch.Generator().manual_seed(0))
    torch.testing.assert_close(together, together[:, :1].expand_as(together))


@torch.no_grad()
def test_the_target_is_the_full_output_averaged_down(model: MobileStyleGAN) -> None:
    codes = sample_w_plus(model, 2, 0.2, torch.Generator().manual_seed(0))
    found = list(samples_of(model, codes))
    assert [size for size, _, _ in found] == [32, 32]
    for code, (_, inputs, target) in zip(codes, found, strict=True):
        full = model(code[None]).clamp(-1.2, 1.2)
        torch.testing.assert_close(target, F.interpolate(full, (32, 32), mode="area"))
        assert inputs.shape == (1, 32, 16, 16)


def test_the_fit_is_better_than_the_mean_colour_and_repeats(
    model: MobileStyleGAN, tmp_path: Path
) -> None:
    weights = GeneratorWeights("tiny", tmp_path, "0" * 64)
    told: list[tuple[int, int]] = []
    stage = FitHeads(samples=8, held_back=2)
    heads = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        context = Context(tmp_path / name, progress=lambda *done: told.append(done))
        found = stage.run(generator=weights, context=context)
        heads.append(load_file(found.file)["32"])

    assert torch.equal(*heads)
    assert found.generator == "tiny" and told[-1] == (8, 8)
    with safe_open(found.file, framework="pt") as file:
        assert file.metadata()["generator"] == "tiny"
    both = load_heads(model, found.file)
    assert both.sizes == (32, 64)
    with torch.no_grad():
        w_plus = sample_w_plus(model, 1, 0.2, torch.Generator().manual_seed(9))
        wanted = F.interpolate(model(w_plus).clamp(-1.2, 1.2), (32, 32), mode="area")
        error = F.mse_loss(both(w_plus, 32), wanted)
    flat = (wanted - wanted.mean(dim=(2, 3), keepdim=True)).square().mean()
    assert float(error) < 0.75 * float(flat)
    ((size, psnr),) = found.psnr
    assert size == 32 and psnr > 10
