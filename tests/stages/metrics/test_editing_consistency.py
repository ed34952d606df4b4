import pytest
import torch

from stages.metrics.editing_consistency import editing_consistency

ROWS, DIM = 3, 4


def render(codes: torch.Tensor) -> torch.Tensor:
    """A generator that shows its code."""
    return codes.reshape(len(codes), 1, ROWS, DIM)


def true_code(images: torch.Tensor) -> torch.Tensor:
    return images.reshape(len(images), ROWS, DIM)


def test_an_inverter_that_finds_the_truth_is_consistent() -> None:
    images = torch.randn(5, 1, ROWS, DIM)
    found = editing_consistency(true_code, render, images, torch.randn(ROWS, DIM))
    torch.testing.assert_close(found, torch.zeros(5))


def test_it_is_the_formula() -> None:
    """E(x) = s x and G(w) = w: the distance is |s (s x + o) - o - s x|."""
    images, offset, s = torch.randn(5, 1, ROWS, DIM), torch.randn(ROWS, DIM), 0.7
    found = editing_consistency(lambda x: s * true_code(x), render, images, offset)
    x = true_code(images)
    expected = (s * (s * x + offset) - offset - s * x).flatten(1).norm(dim=1)
    torch.testing.assert_close(found, expected)
    assert found.shape == (5,)


def test_an_inverter_that_forgets_the_edit_loses_all_of_it() -> None:
    still = torch.zeros(2, ROWS, DIM)
    offset = torch.full((DIM,), 2.0)
    found = editing_consistency(lambda x: still, render, torch.randn(2, 1, ROWS, DIM), offset)
    assert found.tolist() == pytest.approx([2 * (ROWS * DIM) ** 0.5] * 2)


def test_rows_that_do_not_act_do_not_count() -> None:
    images = torch.randn(2, 1, ROWS, DIM)

    def forgets_row_0(x: torch.Tensor) -> torch.Tensor:
        codes = true_code(x).clone()
        codes[:, 0] = torch.randn(len(x), DIM)
        return codes

    acting = torch.tensor([False, True, True])
    found = editing_consistency(forgets_row_0, render, images, torch.ones(ROWS, DIM), acting)
    torch.testing.assert_close(found, torch.zeros(2))
    assert (editing_consistency(forgets_row_0, render, images, torch.ones(DIM)) > 0).all()
