"""The base and the steps: what moves when a parameter moves."""

import pytest
import torch
from torch import Tensor

from stages.code_steps import CodeSteps
from stages.coupling import Access, Anchor

FRAMES, ROWS, DIM = 5, 3, 4
RATE, STEP_RATE = 0.5, 0.4


@pytest.fixture
def given() -> Tensor:
    return torch.randn(FRAMES, ROWS, DIM, generator=torch.Generator().manual_seed(0))


def parameters(codes: CodeSteps) -> dict[float, Tensor]:
    """By learning rate."""
    groups = codes.parameters(RATE, STEP_RATE)
    return {float(str(g["lr"])): p for g in groups for p in g["params"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("access", ["w_plus", "w", "none"])
@pytest.mark.parametrize("fixed", [(), (0,), (2,), (0, 4)])
def test_it_begins_where_it_is_told(given: Tensor, access: Access, fixed: tuple[int, ...]) -> None:
    torch.testing.assert_close(CodeSteps(given, fixed, access)().detach(), given)


def test_a_step_moves_all_frames_after_it(given: Tensor) -> None:
    codes = CodeSteps(given)
    steps = parameters(codes)[RATE * STEP_RATE]
    assert steps.shape == (FRAMES - 1, ROWS, DIM)
    with torch.no_grad():
        steps[1, 0, 0] += 1
    moved = (codes() - given).detach()
    assert moved[:, 0, 0].tolist() == pytest.approx([0, 0, 1, 1, 1], abs=1e-6)
    assert float(moved[:, 1:].abs().max()) < 1e-6


def test_a_step_in_w_moves_all_rows(given: Tensor) -> None:
    codes = CodeSteps(given, access="w")
    steps = parameters(codes)[RATE * STEP_RATE]
    assert steps.shape == (FRAMES - 1, 1, DIM)
    with torch.no_grad():
        steps[3, 0, 2] += 1
    moved = (codes() - given).detach()
    assert moved[4, :, 2].tolist() == pytest.approx([1] * ROWS, abs=1e-6)
    assert float(moved[:4].abs().max()) < 1e-6


def test_without_access_frames_are_apart(given: Tensor) -> None:
    codes = CodeSteps(given, (1,), "none")
    found = parameters(codes)
    assert list(found) == [RATE]
    assert found[RATE].shape == (FRAMES - 1, ROWS, DIM)
    with torch.no_grad():
        found[RATE][1] += 1  # of frame 2, the second that is solved for
    moved = (codes() - given).detach().amax(dim=(1, 2))
    assert moved.tolist() == pytest.approx([0, 0, 1, 0, 0], abs=1e-6)


@pytest.mark.parametrize("access", ["w_plus", "w", "none"])
def test_together_there_is_one_offset_for_all(given: Tensor, access: Access) -> None:
    codes = CodeSteps(given, access=access, together=True)
    (base,) = parameters(codes).values()
    assert base.shape == (1, ROWS, DIM)
    with torch.no_grad():
        base[0, 1] += 1
    moved = (codes() - given).detach()
    torch.testing.assert_close(moved[:, 1], torch.ones(FRAMES, DIM))
    assert float(moved[:, 0].abs().max()) < 1e-6


def test_a_fixed_first_frame_is_the_base(given: Tensor) -> None:
    codes = CodeSteps(given, (0,))
    assert list(parameters(codes)) == [RATE * STEP_RATE]
    codes().sum().backward()  # type: ignore[no-untyped-call]


def test_one_frame_has_no_steps(given: Tensor) -> None:
    for access in ("w_plus", "w", "none"):
        assert list(parameters(CodeSteps(given[:1], (), access))) == [RATE]


@pytest.mark.parametrize("fixed", [(), (0,), (2,), (0, 4)])
def test_about_the_mean_it_begins_where_it_is_told_and_moves_no_fixed_frame(
    given: Tensor, fixed: tuple[int, ...]
) -> None:
    codes = CodeSteps(given, fixed, anchor="mean")
    torch.testing.assert_close(codes().detach(), given)
    with torch.no_grad():
        for parameter in parameters(codes).values():
            parameter += torch.linspace(0.1, 0.9, parameter.numel()).view_as(parameter)
    moved = (codes() - given).detach().abs().amax(dim=(1, 2))
    assert [bool(m > 0.01) for m in moved] == [i not in fixed for i in range(FRAMES)]


@pytest.mark.parametrize(("anchor", "alike"), [("first", False), ("mean", True)])
def test_about_the_mean_steps_see_only_what_differs(
    given: Tensor, anchor: Anchor, alike: bool
) -> None:
    """All frames pull the same way: only the base may follow."""
    codes = CodeSteps(given, anchor=anchor)
    torch.autograd.backward(codes().sum())
    found = parameters(codes)
    base, steps = found[RATE].grad, found[RATE * STEP_RATE].grad
    assert base is not None and steps is not None
    torch.testing.assert_close(base, torch.full_like(base, FRAMES))
    assert (float(steps.abs().max()) < 1e-5) == alike


@pytest.mark.parametrize("access", ["w_plus", "w", "none"])
def test_offsets_are_along_the_axes_that_are_given(given: Tensor, access: Access) -> None:
    axes = torch.randn(DIM, DIM, generator=torch.Generator().manual_seed(1))
    codes = CodeSteps(given, access=access, axes=axes)
    torch.testing.assert_close(codes().detach(), given)
    base = parameters(codes)[RATE]
    with torch.no_grad():
        base[0, 1, 2] += 2
    moved = (codes() - given).detach()
    torch.testing.assert_close(moved[0, 1], 2 * axes[:, 2], atol=1e-5, rtol=1e-5)
    assert float(moved[0, 0].abs().max()) < 1e-6


@pytest.mark.parametrize("access", ["w_plus", "w", "none"])
@pytest.mark.parametrize("anchor", ["first", "mean"])
def test_what_rows_share_moves_all_of_them(given: Tensor, access: Access, anchor: Anchor) -> None:
    codes = CodeSteps(given, access=access, anchor=anchor, shared=True)
    torch.testing.assert_close(codes().detach(), given)
    groups = codes.parameters(1.0, STEP_RATE, row_rate=0.25, shared_rate=8.0)
    found = {float(str(g["lr"])): p for g in groups for p in g["params"]}  # type: ignore[attr-defined]
    base = found[8.0]
    assert base.shape == (FRAMES if access == "none" else 1, 1, DIM)
    with torch.no_grad():
        base[0, 0, 2] += 1
    moved = (codes() - given).detach()
    torch.testing.assert_close(moved[0, :, 2], torch.ones(ROWS))
    assert float(moved[:, :, :2].abs().max()) < 1e-6
    if access != "none":
        with torch.no_grad():
            found[8.0 * STEP_RATE][0, 0, 1] += 1
        steps = (codes() - given).detach()[:, :, 1].diff(dim=0)
        torch.testing.assert_close(steps[0], torch.ones(ROWS))
        assert float(steps[1:].abs().max()) < 1e-6
    # Rows still have something to themselves.
    with torch.no_grad():
        found[0.25][0, 1, 3] += 1
    assert (codes() - given).detach()[0, :, 3].tolist() == pytest.approx([0, 1, 0], abs=1e-6)


def test_together_rows_share_a_part_of_the_one_offset(given: Tensor) -> None:
    codes = CodeSteps(given, together=True, shared=True)
    rates = [g["lr"] for g in codes.parameters(1.0, STEP_RATE, row_rate=0.25, shared_rate=8.0)]
    assert rates == [0.25, 8.0]
