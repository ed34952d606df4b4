"""Training the encoder, with a tiny generator: it learns, resumes to the byte, and measures."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from pipeline.failure import MissingDependency, UsageError
from pipeline.stage import Context
from stages import train_encoder
from stages.encoder_bank import EncoderBank, MakeEncoderBank
from stages.encoder_data import Faces, alter, roughen
from stages.encoder_photos import find_photos
from stages.encoder_sensitivity import MeasureSensitivity, Sensitivity
from stages.encoder_state import EncoderState, Training
from stages.encoder_weights import load_encoder
from stages.joint_inversion import Inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.encoder import Trunk, complete, free_rows
from stages.networks.mobile_stylegan import MobileStyleGAN
from stages.train_encoder import FinishEncoder, StartEncoder, TrainOnCodes, TrainOnImages
from tests.stages import tiny

SHAPE = tiny.SMALLER
ROWS = len(free_rows(SHAPE))


@pytest.fixture(scope="module")
def model() -> MobileStyleGAN:
    return tiny.generator(SHAPE)


@pytest.fixture(scope="module")
def networks() -> Inverter:
    return tiny.inverter(SHAPE)


@pytest.fixture
def given(tmp_path: Path) -> GeneratorWeights:
    return GeneratorWeights("tiny", tmp_path, "0" * 64)


@pytest.fixture(scope="module")
def bank(networks: Inverter) -> EncoderBank:
    return make_bank(networks, seed=1)


@pytest.fixture(scope="module")
def probes(networks: Inverter) -> Sensitivity:
    return MeasureSensitivity(samples=16).run(networks, context=Context(Path()))


def make_bank(networks: Inverter, seed: int, count: int = 24) -> EncoderBank:
    stage = MakeEncoderBank(samples=count, seed=seed)
    weights = GeneratorWeights("tiny", Path(), "0" * 64)
    return stage.run(networks.generator, generator=weights, context=Context(Path()))


def scratch(folder: Path, name: str) -> Context:
    (folder / name).mkdir()
    return Context(folder / name)


@pytest.fixture
def start(
    given: GeneratorWeights, model: MobileStyleGAN, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> EncoderState:
    """Without ImageNet's weights."""
    monkeypatch.setattr(train_encoder, "load_mobile_stylegan", lambda folder: model)
    monkeypatch.setattr(Trunk, "load_imagenet", lambda trunk, folder: None)
    perceptual = PerceptualWeights("none", tmp_path, "0" * 64)
    return StartEncoder().run(given, perceptual, scratch(tmp_path, "start"))


@torch.no_grad()
def test_the_bank_shows_its_codes_and_repeats(networks: Inverter, bank: EncoderBank) -> None:
    codes = torch.from_numpy(np.array(bank.codes))
    assert bank.images.shape == (24, 64, 64, 3) and codes.shape == (24, ROWS, 16)
    shown = networks.generator(complete(codes, SHAPE), 64).clamp(-1, 1)
    pixels = ((shown + 1) * 127.5).round().permute(0, 2, 3, 1).numpy()
    assert np.abs(pixels - bank.images).max() <= 1
    again = make_bank(networks, seed=1)
    assert np.array_equal(again.images, bank.images) and np.array_equal(again.codes, bank.codes)
    assert not np.array_equal(make_bank(networks, seed=2).codes, bank.codes)


def test_the_bank_holds_plain_mixed_and_scattered_codes(model: MobileStyleGAN) -> None:
    codes = MakeEncoderBank(samples=200).draw(model)
    steps = (codes.diff(dim=1).abs().amax(dim=2) > 1e-6).sum(dim=1)
    share = [float((steps == n).float().mean()) for n in (0, 1, ROWS - 1)]
    assert share == pytest.approx([0.5, 0.25, 0.25], abs=0.1)


def test_probes_foretell_how_much_of_a_change_is_seen(networks: Inverter) -> None:
    """Where the image is linear in the code: a tiny change."""
    from stages.encoder_loss import MSE, PERCEPTUAL, PERCEPTUAL_SCALE, PERCEPTUAL_SIZE

    sensitivity = MeasureSensitivity(samples=256).run(networks, context=Context(Path()))
    probes = torch.from_numpy(sensitivity.probes).flatten(1)
    code = MakeEncoderBank(samples=1, seed=1).draw(networks.generator.generator)
    seen, foretold = [], []
    random = torch.Generator().manual_seed(0)
    for _ in range(6):
        change = 1e-3 * torch.randn(code.shape, generator=random)
        images = [networks.generator(complete(c, SHAPE), 64) for c in (code, code + change)]
        big = [torch.nn.functional.interpolate(i, (PERCEPTUAL_SIZE,) * 2) for i in images]
        maps = [networks.perceptual.features(i) for i in big]
        distance = float(networks.perceptual.distance(*maps))
        pixels = float((images[0] - images[1]).square().mean())
        seen.append(MSE * pixels + PERCEPTUAL * PERCEPTUAL_SCALE * distance)
        foretold.append(float((probes @ change.flatten()).square().mean()))
    assert 0.3 < np.mean(foretold) / np.mean(seen) < 3


def train(
    state: EncoderState, bank: EncoderBank, probes: Sensitivity, folder: Path, steps: list[int]
) -> EncoderState:
    for i, count in enumerate(steps):
        stage = TrainOnCodes(steps=count, batch=4, rate=2e-3, end_rate=2e-3)
        state = stage.run(state, [bank], probes, scratch(folder, f"codes{i}"))
    return state


def test_on_codes_the_loss_falls(
    start: EncoderState, bank: EncoderBank, probes: Sensitivity, tmp_path: Path
) -> None:
    state = train(start, bank, probes, tmp_path, [4, 10, 4])
    losses = [point.loss for point in state.curve]
    assert losses[-1] < 0.9 * losses[0]
    assert (state.steps, state.seen) == (18, 72)
    assert [point.steps for point in state.curve] == [4, 14, 18]


def test_resuming_from_a_checkpoint_gives_the_same_bytes(
    start: EncoderState,
    bank: EncoderBank,
    probes: Sensitivity,
    networks: Inverter,
    tmp_path: Path,
) -> None:
    first = train(start, bank, probes, tmp_path, [3])
    stage = TrainOnImages(steps=2, batch=2, rate=1e-3, size=64)
    ends = [stage.run(networks, first, [bank], scratch(tmp_path, name)) for name in "ab"]
    assert ends[0].file.read_bytes() == ends[1].file.read_bytes()
    assert ends[0].curve == ends[1].curve
    assert ends[0].file.read_bytes() != first.file.read_bytes()
    # The optimiser's memory is part of a checkpoint.
    again = Training.read(first).write("tiny", tmp_path / "again.safetensors")
    assert again.file.read_bytes() == first.file.read_bytes()
    training = Training.read(first)
    training.adam.state.clear()
    forgetful = training.write("tiny", tmp_path / "forgetful.safetensors", first.curve)
    other = stage.run(networks, forgetful, [bank], scratch(tmp_path, "c"))
    assert other.file.read_bytes() != ends[0].file.read_bytes()


def test_on_images_the_loss_falls_and_batch_statistics_stay(
    start: EncoderState, bank: EncoderBank, networks: Inverter, tmp_path: Path
) -> None:
    state = start
    for i in range(3):
        stage = TrainOnImages(steps=4, batch=4, rate=2e-3, end_rate=2e-3, size=64)
        state = stage.run(networks, state, [bank], scratch(tmp_path, f"i{i}"))
    losses = [point.loss for point in state.curve]
    assert losses[-1] < 0.9 * losses[0]
    name = "model.trunk.blocks.3._bn1.running_mean"
    before, after = (load_file(s.file)[name] for s in (start, state))
    assert torch.equal(before, after)


def test_altered_faces_differ_from_what_they_were_and_stay_pictures(bank: EncoderBank) -> None:
    images = Faces([bank]).images(range(8))
    altered = alter(images, torch.Generator().manual_seed(0))
    assert altered.shape == images.shape and float(altered.abs().max()) <= 1
    assert float((altered - images).abs().mean(dim=(1, 2, 3)).min()) > 0.02
    rough = roughen(images, torch.Generator().manual_seed(0))
    assert float((rough - images).abs().mean()) < float((altered - images).abs().mean())


def test_photographs_are_learned_from_where_they_are_given(
    start: EncoderState, bank: EncoderBank, networks: Inverter, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for i, image in enumerate(bank.images[:2]):
        cv2.imwrite(str(folder / f"{i}.png"), np.ascontiguousarray(image[..., ::-1]))
    stage = TrainOnImages(steps=2, batch=2, rate=1e-3, size=64)
    with_them = stage.run(
        networks, start, [bank], scratch(tmp_path, "a"), photos=find_photos(folder)
    )
    without = stage.run(networks, start, [bank], scratch(tmp_path, "b"))
    assert with_them.file.read_bytes() != without.file.read_bytes()
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match=r"no \.jpg or \.png"):
        find_photos(tmp_path / "none")


def test_the_finished_file_is_what_was_measured(
    start: EncoderState,
    bank: EncoderBank,
    probes: Sensitivity,
    networks: Inverter,
    tmp_path: Path,
) -> None:
    state = train(start, bank, probes, tmp_path, [12])
    made = FinishEncoder().run(networks, state, bank, scratch(tmp_path, "end"))
    assert made.figures is not None and made.curve is not None
    encoder = load_encoder(made.file, "tiny")
    faces = Faces([bank])
    assert train_encoder.measure(encoder, networks, faces) == made.figures
    assert made.figures.mse < made.figures.mean_mse
    told = json.loads(made.curve.read_text())
    assert told["held_back"]["mse"] == made.figures.mse
    assert [point["steps"] for point in told["curve"]] == [12]


def test_heads_of_another_generator_are_refused() -> None:
    heads = HeadWeights(Path("h"), "0" * 64, "another")
    given = GeneratorWeights("tiny", Path(), "0" * 64)
    with pytest.raises(MissingDependency, match="belong to the generator another"):
        MakeEncoderBank().load(given, heads, Context(Path()))
