"""The inverters behind one interface, with a tiny generator and a tiny encoder."""

from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import Tensor, nn

from pipeline.failure import MissingDependency, UsageError
from pipeline.stage import Context
from stages import joint_inversion
from stages.artifacts import F32, U8
from stages.encode import encode
from stages.inversion_artifacts import AlignedFaces
from stages.inverters import finetune, interface
from stages.inverters.choice import METHODS, AnyMethod, find_method
from stages.inverters.encoder_alone import EncoderAlone
from stages.inverters.finetune import FineTune
from stages.inverters.i2s import I2S
from stages.inverters.in_domain import InDomain
from stages.inverters.interface import InversionMethod, Networks, Window, shown
from stages.inverters.joint import ABLATION, Joint
from stages.joint_inversion import Inverted
from tests.stages import tiny

FRAMES = 3
QUICK = {"steps": 4, "rate": 0.05, "perceptual_size": 32}


class Learning(nn.Module):
    """An encoder with weights: the mean code, moved by the colours of a picture's quarters."""

    def __init__(self, mean: F32) -> None:
        super().__init__()
        self.mean = torch.tensor(mean)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layer = nn.Linear(3 * 4, mean.shape[-1])

    def forward(self, images: Tensor) -> Tensor:
        quarters = nn.functional.adaptive_avg_pool2d(images, 2).flatten(1)
        return self.mean + 0.1 * self.layer(quarters)[:, None]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (joint_inversion, interface, finetune):
        monkeypatch.setattr(module, "INVERSION_SIZE", 64)


@pytest.fixture(scope="module")
def networks() -> Networks:
    inverter = tiny.inverter(tiny.SMALLER)
    encoder = Learning(inverter.mean_code()).eval().requires_grad_(False)
    return Networks(inverter, encoder)  # type: ignore[arg-type]  # a stand-in


@pytest.fixture
def window(networks: Networks) -> Window:
    inverter = networks.inverter
    faces = AlignedFaces(
        track=0,
        frame=np.arange(FRAMES, dtype=np.int32),
        joins_next=False,
        crops=tiny.pictures(inverter, tiny.codes(inverter, FRAMES)),
    )
    start = np.repeat(inverter.mean_code()[None], FRAMES, axis=0)
    return Window(faces, tiny.still(FRAMES, 32), start)


def invert(method: InversionMethod, window: Window, networks: Networks) -> Inverted:
    return method.invert(window, networks, Context(Path()))


def error(networks: Networks, found: Inverted, crops: U8) -> float:
    images = shown(networks.inverter, found.w_plus, found.noise).astype(float)
    return float(np.square(images - crops).mean())


@pytest.mark.parametrize("name", [*METHODS, *ABLATION])
def test_each_gives_codes_that_show_what_their_psnr_says(
    name: str, window: Window, networks: Networks
) -> None:
    method = find_method(name).model_copy(update=QUICK)
    found = method.invert(window, method.prepare([window], networks), Context(Path()))
    assert found.w_plus.shape == window.start.shape and found.w_plus.dtype == np.float32
    assert found.steps == (0 if name == "encoder" else 4)
    assert bool(found.noise) == name.endswith("++")
    images = shown(networks.inverter, found.w_plus, found.noise).astype(float)
    mse = np.square(images - window.crops).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found.psnr, 10 * np.log10(255**2 / mse), atol=0.1)


def test_i2s_takes_frames_by_themselves(window: Window, networks: Networks) -> None:
    whole = invert(I2S(**QUICK), window, networks)
    faces = AlignedFaces(0, window.faces.frame[1:2], False, window.crops[1:2])
    alone = invert(I2S(**QUICK), Window(faces, tiny.still(1), window.start[1:2]), networks)
    np.testing.assert_allclose(whole.w_plus[1], alone.w_plus[0], atol=1e-4)
    joint = invert(Joint(**QUICK), window, networks)
    assert np.abs(joint.w_plus - whole.w_plus).max() > 1e-2


def test_noise_brings_i2s_nearer(window: Window, networks: Networks) -> None:
    longer = {**QUICK, "steps": 15}
    plain, noisy = (
        invert(find_method(name).model_copy(update=longer), window, networks)
        for name in ("i2s", "i2s++")
    )
    assert error(networks, noisy, window.crops) < error(networks, plain, window.crops)


def test_the_encoder_alone_is_one_pass_of_it(window: Window, networks: Networks) -> None:
    assert networks.encoder is not None
    found = invert(EncoderAlone(), window, networks)
    np.testing.assert_array_equal(found.w_plus, encode(networks.encoder, window.crops, "cpu"))


def test_in_domain_codes_stay_where_the_encoder_would_put_them(
    window: Window, networks: Networks
) -> None:
    def outside(domain: float) -> float:
        found = invert(InDomain(domain=domain, **{**QUICK, "steps": 12}), window, networks)
        assert networks.encoder is not None
        images = shown(networks.inverter, found.w_plus)
        again = encode(networks.encoder, images, "cpu")
        free = networks.inverter.free_rows
        return float(np.square((again - found.w_plus)[:, free]).mean())

    assert outside(100.0) < 0.5 * outside(0.0)


def test_without_its_regulariser_in_domain_is_i2s(window: Window, networks: Networks) -> None:
    plain = invert(InDomain(domain=0.0, **QUICK), window, networks)
    np.testing.assert_allclose(
        plain.w_plus, invert(I2S(**QUICK), window, networks).w_plus, atol=1e-5
    )


def test_fine_tuning_is_of_a_copy_and_brings_its_frames_nearer(
    window: Window, networks: Networks
) -> None:
    method = FineTune(steps=20, encoder_rate=0.02, perceptual_size=32)
    before = invert(EncoderAlone(), window, networks)
    told: list[int] = []
    tuned = method.prepare([window], networks, told.append)
    after = invert(method, window, tuned)
    assert told == list(range(1, 21))
    assert error(networks, after, window.crops) < 0.8 * error(networks, before, window.crops)
    again = invert(EncoderAlone(), window, networks)
    np.testing.assert_array_equal(again.w_plus, before.w_plus)


@pytest.mark.parametrize("name", ["encoder", "in-domain", "finetune"])
def test_what_needs_an_encoder_says_so(name: str, window: Window, networks: Networks) -> None:
    method = find_method(name)
    assert method.needs_encoder
    without = Networks(networks.inverter)
    with pytest.raises(MissingDependency, match=f"inverter {name} needs the encoder"):
        method.invert(window, method.prepare([window], without), Context(Path()))


def test_settings_say_which_inverter_they_are_of() -> None:
    adapter: TypeAdapter[AnyMethod] = TypeAdapter(AnyMethod)
    for name in METHODS:
        method = find_method(name)
        assert adapter.validate_python(method.model_dump()) == method
        assert method.name == name


def test_an_unknown_inverter_is_a_sentence() -> None:
    with pytest.raises(UsageError, match="'psp' is unknown: joint, i2s"):
        find_method("psp")


def test_every_ablation_changes_ours() -> None:
    assert ABLATION["joint"] == Joint()
    rest = [method for name, method in ABLATION.items() if name != "joint"]
    assert Joint() not in rest
    assert len({method.model_dump_json() for method in rest}) == len(rest)
