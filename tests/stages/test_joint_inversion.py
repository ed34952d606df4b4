"""Joint inversion with a tiny generator: it improves, keeps what is fixed, and repeats itself."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.failure import MissingDependency
from pipeline.stage import Context
from stages import joint_inversion
from stages.artifacts import F32
from stages.coupling import Coupling
from stages.frame_parallel import frame_threads
from stages.joint_inversion import (
    Inverted,
    Inverter,
    Precision,
    invert_jointly,
    load_generator,
    load_inverter,
    to_tensor,
)
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks import mobile_stylegan
from stages.networks.rgb_head import RenderableGenerator
from stages.objective import Objective, Pairs, Weights
from tests.stages import tiny

FRAMES = 4
RATE = 0.05
STEP_RATE = Coupling().step_rate


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_inversion, "INVERSION_SIZE", 64)


@pytest.fixture(scope="module")
def networks() -> Inverter:
    return tiny.inverter(tiny.SMALLER)


@pytest.fixture
def target(networks: Inverter) -> F32:
    """The codes behind the crops."""
    return tiny.codes(networks, FRAMES)


def invert(
    networks: Inverter,
    target: F32,
    start: F32,
    *,
    steps: int,
    fixed: tuple[int, ...] = (),
    flow: bool = True,
    **coupling: object,
) -> Inverted:
    count = len(target)
    return invert_jointly(
        networks,
        tiny.pictures(networks, target),
        start,
        Pairs.of(tiny.still(count), 0, count, "cpu") if flow else None,
        Weights(),
        steps=steps,
        rate=RATE,
        perceptual_size=32,
        fixed=fixed,
        coupling=Coupling.model_validate(coupling),
    )


def mean_start(networks: Inverter, count: int = FRAMES) -> F32:
    return np.repeat(networks.mean_code()[None], count, axis=0)


def test_the_free_rows_are_those_the_small_picture_sees() -> None:
    from stages.networks.mobile_stylegan import GeneratorShape

    assert tiny.inverter(tiny.SMALLER).free_rows == [0, 1, 2, 4, 5, 7, 8]
    assert GeneratorShape().active_rows[:11] == (0, 1, 2, 4, 5, 7, 8, 10, 11, 13, 14)


def test_crops_become_minus_one_to_one() -> None:
    crops = np.zeros((1, 2, 2, 3), np.uint8)
    crops[0, 0, 1] = (255, 0, 51)
    tensor = to_tensor(crops, "cpu")
    assert tensor.shape == (1, 3, 2, 2)
    assert tensor[0, :, 0, 1].tolist() == pytest.approx([1, -1, -0.6])


def test_steps_of_adam_bring_the_pictures_nearer(networks: Inverter, target: F32) -> None:
    start = mean_start(networks)
    few, many = (invert(networks, target, start, steps=n) for n in (1, 40))
    assert few.psnr.shape == (FRAMES,)
    assert (many.psnr > few.psnr + 2).all()
    shown = tiny.pictures(networks, many.w_plus).astype(float)
    mse = np.square(shown - tiny.pictures(networks, target)).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(many.psnr, 10 * np.log10(255**2 / mse), atol=0.2)


def test_the_same_twice_is_the_same_to_the_bit(networks: Inverter, target: F32) -> None:
    a, b = (invert(networks, target, mean_start(networks), steps=4) for _ in range(2))
    np.testing.assert_array_equal(a.w_plus, b.w_plus)
    np.testing.assert_array_equal(a.psnr, b.psnr)


def test_the_number_of_threads_changes_no_bit(networks: Inverter, target: F32) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(invert(networks, target, mean_start(networks), steps=3))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0].w_plus, found[1].w_plus)
    np.testing.assert_array_equal(found[0].psnr, found[1].psnr)


def test_gradients_of_frames_apart_are_those_of_the_whole_objective(
    networks: Inverter, target: F32
) -> None:
    """Against one graph over the whole window, with a fixed frame in it."""
    crops, start = tiny.pictures(networks, target), torch.tensor(mean_start(networks))
    weights = Weights()
    flow = Pairs.of(tiny.still(FRAMES), 0, FRAMES, "cpu")
    with frame_threads("cpu") as threads:
        window = joint_inversion._Window(
            networks, crops, start.numpy(), flow, weights, 32, 64, (1,), threads
        )
        codes = window.given.clone().requires_grad_(True)
        told = window._backward(codes)
    whole = window.given.clone().requires_grad_(True)
    images = networks.generator(networks.complete(whole), 64)
    moving = [0, 2, 3]
    images = images.index_copy(0, torch.tensor([1]), images[1:2].detach())
    objective = Objective(window.targets, networks.perceptual, flow, weights, 32)
    across = objective.across_frames(images)
    assert across is not None
    fidelity = objective.of_frames(images[moving], moving) / len(moving)
    loss = fidelity + across + objective.of_codes(whole, window.free)
    torch.autograd.backward(loss)
    assert told == pytest.approx(float(loss.detach()), rel=1e-4)

    assert codes.grad is not None and whole.grad is not None
    torch.testing.assert_close(codes.grad, whole.grad, atol=1e-6, rtol=1e-3)
    assert float(codes.grad[0].abs().max()) > 1e-3


def test_every_other_row_is_the_mean_of_the_free_ones(networks: Inverter, target: F32) -> None:
    found = invert(networks, target, mean_start(networks), steps=3).w_plus
    free = networks.free_rows
    others = sorted(set(range(found.shape[1])) - set(free))
    mean = found[:, free].mean(axis=1)
    assert len(others) == 4
    for row in others:
        np.testing.assert_allclose(found[:, row], mean, atol=1e-6)


def test_a_frame_is_the_base_and_the_steps_up_to_it(networks: Inverter, target: F32) -> None:
    """One step of Adam moves each parameter by its rate, so it shows what the parameters are."""
    start = mean_start(networks)
    moved = (invert(networks, target, start, steps=1).w_plus - start)[:, networks.free_rows]
    np.testing.assert_allclose(np.abs(moved[0]), RATE, rtol=0.02)
    np.testing.assert_allclose(np.abs(np.diff(moved, axis=0)), RATE * STEP_RATE, rtol=0.02)
    assert np.abs(moved[-1]).max() > RATE * (1 + 2.5 * STEP_RATE)


@pytest.mark.parametrize("fixed", [(0,), (0, 3), (3,), (0, 2)])
def test_fixed_frames_keep_their_codes_to_the_bit(
    networks: Inverter, target: F32, fixed: tuple[int, ...]
) -> None:
    start = mean_start(networks)
    start[list(fixed)] = target[list(fixed)]
    found = invert(networks, target, start, steps=6, fixed=fixed)
    for i in range(FRAMES):
        if i in fixed:
            np.testing.assert_array_equal(found.w_plus[i], start[i])
        else:
            assert np.abs(found.w_plus[i] - start[i]).max() > RATE * STEP_RATE / 2


def test_a_fixed_neighbour_pulls_through_the_flow(networks: Inverter) -> None:
    """Frame 1 has the same target as frame 0, and is fixed to something else."""
    target = np.repeat(tiny.codes(networks, 1), 2, axis=0)
    start = target.copy()
    start[1] = tiny.codes(networks, 1, seed=8)[0]
    with_flow, without = (
        invert(networks, target, start, steps=15, fixed=(1,), flow=flow) for flow in (True, False)
    )
    assert with_flow.psnr[0] < without.psnr[0] - 1


def test_steps_in_w_move_all_rows_alike(networks: Inverter, target: F32) -> None:
    start = tiny.codes(networks, FRAMES, seed=8)
    moved = invert(networks, target, start, steps=5, access="w").w_plus - start
    steps = np.diff(moved[:, networks.free_rows], axis=0)
    assert np.abs(steps).max() > RATE * STEP_RATE
    np.testing.assert_allclose(steps, np.broadcast_to(steps[:, :1], steps.shape), atol=1e-5)
    assert np.ptp(moved[0, networks.free_rows], axis=0).max() > RATE  # the base is in W+


def test_without_access_a_frame_is_as_it_would_be_alone(networks: Inverter, target: F32) -> None:
    apart = {"access": "none", "consistency": "none"}
    weights = Weights(step=0)
    start = mean_start(networks)
    crops = tiny.pictures(networks, target)

    def solve(part: slice) -> F32:
        return invert_jointly(
            networks, crops[part], start[part], None, weights, steps=5, rate=RATE,
            perceptual_size=32, coupling=Coupling.model_validate(apart),
        ).w_plus  # fmt: skip

    together = solve(slice(0, FRAMES))
    for i in range(FRAMES):
        np.testing.assert_allclose(together[i], solve(slice(i, i + 1))[0], atol=1e-4)


def test_consistency_can_be_left_out(networks: Inverter, target: F32) -> None:
    start = mean_start(networks)
    without = invert(networks, target, start, steps=4, consistency="none")
    no_flow = invert(networks, target, start, steps=4, flow=False)
    literal = invert(networks, target, start, steps=4, consistency="literal")
    np.testing.assert_array_equal(without.w_plus, no_flow.w_plus)
    assert np.abs(literal.w_plus - without.w_plus).max() > 1e-3


def test_noise_takes_up_what_codes_cannot_say(networks: Inverter) -> None:
    cells = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), np.uint8)
    crops = cells.repeat(8, axis=1).repeat(8, axis=2)
    found = [
        invert_jointly(
            networks, crops, mean_start(networks, 2), None, Weights(), steps=30, rate=RATE,
            perceptual_size=32, coupling=Coupling(noise=noise),
        )
        for noise in (False, True)
    ]  # fmt: skip
    plain, noisy = found
    assert plain.noise == () and len(noisy.noise) == 1 + 2 * 3
    assert [each.shape for each in noisy.noise[-2:]] == [(2, 1, 32, 32)] * 2
    assert (noisy.psnr > plain.psnr + 0.1).all()
    offsets = [torch.tensor(each) for each in noisy.noise]
    with torch.no_grad():
        images = networks.generator(torch.tensor(noisy.w_plus), 64, offsets).clamp(-1, 1)
    mse = (images - to_tensor(crops, "cpu")).square().mean(dim=(1, 2, 3)).numpy()
    np.testing.assert_allclose(10 * np.log10(4 / mse), noisy.psnr, atol=1e-2)


def test_noise_of_fixed_frames_stays_none(networks: Inverter, target: F32) -> None:
    found = invert(networks, target, mean_start(networks), steps=2, fixed=(1,), noise=True)
    for each in found.noise:
        assert not each[1].any() and each[0].any()


def test_it_stops_when_it_no_longer_pays(networks: Inverter, target: F32) -> None:
    start = mean_start(networks)
    assert invert(networks, target, start, steps=12).steps == 12
    assert invert(networks, target, start, steps=12, patience=2, tolerance=1.0).steps == 4
    assert 4 < invert(networks, target, start, steps=12, patience=2, tolerance=0.0).steps <= 12


def test_a_single_frame_needs_no_flow(networks: Inverter) -> None:
    target = tiny.codes(networks, 1)
    found = invert(networks, target, mean_start(networks, 1), steps=3, flow=False)
    assert found.w_plus.shape == (1, tiny.SMALLER.rows, 16)


def test_progress_counts_every_step(networks: Inverter) -> None:
    told: list[int] = []
    target = tiny.codes(networks, 1)
    invert_jointly(
        networks,
        tiny.pictures(networks, target),
        target,
        None,
        Weights(),
        steps=3,
        rate=RATE,
        perceptual_size=32,
        progress=told.append,
    )
    assert told == [1, 2, 3]


def test_heads_of_another_generator_are_refused(tmp_path: Path) -> None:
    generator = GeneratorWeights("ours", tmp_path, "0" * 64)
    heads = HeadWeights(tmp_path / "heads", "0" * 64, "another")
    with pytest.raises(MissingDependency, match="belong to the generator another, not to ours"):
        load_generator(generator, heads, Context(tmp_path))


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_features_are_in_the_precision_that_was_asked_for_and_all_else_in_float32(
    networks: Inverter,
    target: F32,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    precision: Precision,
    kind: torch.dtype,
) -> None:
    monkeypatch.setattr(mobile_stylegan, "ROUNDED", 8)  # the tiny one has no larger features
    monkeypatch.setattr(joint_inversion, "load_mobile_stylegan", lambda _: None)
    monkeypatch.setattr(joint_inversion, "load_heads", lambda *_: networks.generator)
    monkeypatch.setattr(joint_inversion, "Perceptual", lambda _: networks.perceptual)
    folder = tmp_path, "0" * 64
    found = load_inverter(
        GeneratorWeights("g", *folder),
        HeadWeights(*folder, "g"),
        PerceptualWeights("p", *folder),
        Context(tmp_path),
        precision,
    )
    w_plus = torch.tensor(target, requires_grad=True)
    model = found.generator
    assert model.generator.features(w_plus, found.generator.sizes[0] // 2).dtype == kind
    image = model(w_plus, model.sizes[0])
    (gradient,) = torch.autograd.grad(image.sum(), w_plus)
    assert image.dtype == gradient.dtype == torch.float32
    kept = {each.dtype for each in networks.generator.generator.parameters()}
    assert kept == {torch.float32}, "the other's stay"


def test_along_the_principal_axes_the_codes_stay_nearer_to_w(
    networks: Inverter, target: F32
) -> None:
    """Adam goes equally far along every axis; where W is thin, that is out of it."""
    start = mean_start(networks)
    axes = np.asarray(networks.axes.numpy(), np.float64)
    length = np.linalg.norm(axes, axis=0)
    far = {}
    for name in ("w", "principal"):
        found = invert(networks, target, start, steps=6, axes=name)
        moved = (found.w_plus - start)[:, networks.free_rows] @ (axes / length)
        used = length > 1e-2 * length.max()
        far[name] = float(np.square(moved[..., used] / length[used]).mean())
    assert far["principal"] < 0.8 * far["w"]


def test_from_a_start_in_w_the_codes_stay_in_it_while_rows_share(
    networks: Inverter, target: F32
) -> None:
    start = mean_start(networks)

    def apart(**coupling: object) -> float:
        found = invert(networks, target, start, steps=6, **coupling)
        return float(found.w_plus[:, networks.free_rows].std(axis=1).mean())

    assert apart(shared_rate=2, row_rate=0.3) < 0.6 * apart()


def test_from_a_start_that_knows_its_rows_they_share_nothing(
    networks: Inverter, target: F32
) -> None:
    start = mean_start(networks)
    start[:, networks.free_rows[1]] += 0.1
    one, two = (
        invert(networks, target, start, steps=2, **coupling)
        for coupling in ({}, {"shared_rate": 2, "row_rate": 0.3})
    )
    np.testing.assert_array_equal(one.w_plus, two.w_plus)


def test_a_coarse_inversion_solves_for_the_rows_that_a_small_picture_sees(
    networks: Inverter, target: F32
) -> None:
    start = mean_start(networks)
    small = networks.rows_at(32)
    assert small == networks.free_rows[: len(small)] and len(small) < len(networks.free_rows)
    head = {32: torch.randn(12, 33, generator=torch.Generator().manual_seed(0)) / 10}
    both = RenderableGenerator(networks.generator.generator, head).eval()
    found = invert_jointly(
        replace(networks, generator=both),
        tiny.pictures(networks, target),
        start,
        None,
        Weights(),
        steps=2,
        rate=RATE,
        perceptual_size=32,
        size=32,
    )
    others = [row for row in range(start.shape[1]) if row not in small]
    mean = found.w_plus[:, small].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(found.w_plus[:, others], mean.repeat(len(others), 1), atol=1e-5)
    assert np.ptp(found.w_plus[0, small], axis=0).max() > RATE / 2
