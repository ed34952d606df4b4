"""The encoder's network and its file."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pipeline.failure import MissingDependency
from stages.encoder_weights import load_encoder, save_encoder
from stages.joint_inversion import Inverter
from stages.networks.encoder import Encoder, complete, free_rows
from stages.networks.mobile_stylegan import GeneratorShape
from tests.stages import tiny


def encoder(shape: GeneratorShape = tiny.SMALLER, seed: int = 0) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Encoder(shape).eval()


def test_it_predicts_the_rows_that_an_inversion_solves() -> None:
    found = Inverter(tiny.renderable(tiny.SHAPE), tiny.BlurredPixels(), "cpu")
    assert free_rows(tiny.SHAPE) == found.free_rows
    free = torch.randn(2, len(found.free_rows), 16, generator=torch.Generator().manual_seed(0))
    assert torch.equal(complete(free, tiny.SHAPE), found.complete(free))
    assert free_rows(GeneratorShape()) == [0, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14]


@torch.no_grad()
def test_untrained_it_answers_the_mean_latent() -> None:
    network = encoder()
    network.mean.copy_(torch.arange(16.0))
    images = torch.rand(2, 3, 256, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1
    w_plus = network(images)
    assert w_plus.shape == (2, tiny.SMALLER.rows, 16)
    torch.testing.assert_close(w_plus, torch.arange(16.0).expand_as(w_plus))


@torch.no_grad()
def test_the_layout_of_the_picture_matters_and_rows_differ() -> None:
    network = encoder()
    network.decode.normal_(generator=torch.Generator().manual_seed(1))
    images = torch.rand(1, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    there, mirrored = network.free(images), network.free(images.flip(-1))
    assert float((there - mirrored).abs().max()) > 1e-3
    assert float((there[:, 0] - there[:, 1]).abs().max()) > 1e-3


@torch.no_grad()
def test_a_file_gives_back_what_was_saved_in_half_precision(tmp_path: Path) -> None:
    network, file = encoder(), tmp_path / "e.safetensors"
    network.decode.normal_(generator=torch.Generator().manual_seed(1))
    save_encoder(network, "tiny", file)
    loaded = load_encoder(file, "tiny")
    images = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0)) * 2 - 1
    wanted = network(images)
    assert float((loaded(images) - wanted).norm() / wanted.norm()) < 0.01
    assert not any(p.requires_grad for p in loaded.parameters())
    assert loaded.decode.dtype == torch.float32


def test_the_real_network_fits_into_fifteen_mebibytes(tmp_path: Path) -> None:
    save_encoder(Encoder(GeneratorShape()), "any", tmp_path / "e.safetensors")
    assert (tmp_path / "e.safetensors").stat().st_size <= 15 * 2**20


def test_a_wrong_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    file = tmp_path / "e.safetensors"
    with pytest.raises(MissingDependency, match="not an encoder"):
        load_encoder(file, "tiny")
    file.write_bytes(b"no safetensors")
    with pytest.raises(MissingDependency, match="not an encoder"):
        load_encoder(file, "tiny")
    save_encoder(encoder(), "tiny", file)
    with pytest.raises(MissingDependency, match="belongs to tiny, not to another"):
        load_encoder(file, "another")


@torch.no_grad()
def test_the_trunk_starts_from_imagenet(weights: Callable[[str], Path]) -> None:
    network = encoder()
    name = "trunk.blocks.3._bn1.running_mean"
    before = network.state_dict()[name].clone()
    network.trunk.load_imagenet(weights("efficientnet-lite0"))
    after = network.state_dict()[name]
    assert float((after - before).abs().max()) > 0.1
    assert network(torch.zeros(1, 3, 128, 128)).shape == (1, tiny.SMALLER.rows, 16)
