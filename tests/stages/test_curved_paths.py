"""Paths that follow the surface of the latent space."""

import pytest
import torch
from torch import Tensor, nn

from stages.curved_paths import CurvedPaths

DIM = 16


class Wavy(nn.Module):
    """A mapping that bends, and mixes what it is given."""

    def __init__(self) -> None:
        super().__init__()
        random = torch.Generator().manual_seed(0)
        self.turn = torch.randn(DIM, DIM, generator=random) / DIM**0.5

    def forward(self, z: Tensor) -> Tensor:
        return z + torch.sin(2 * z @ self.turn) @ self.turn.T


@pytest.fixture
def paths() -> CurvedPaths:
    return CurvedPaths(Wavy(), torch.full((DIM,), 0.1), 0.7)


@pytest.fixture
def z() -> Tensor:
    z = torch.randn(1, DIM, generator=torch.Generator().manual_seed(1))
    return z / z.norm() * DIM**0.5


UNIT = torch.nn.functional.one_hot(torch.tensor(2), DIM) * 0.5


def test_an_amount_is_a_projection_and_zero_stays(paths: CurvedPaths, z: Tensor) -> None:
    amounts = [1.0, -0.5, 0.0, 0.25, -1.0]
    found = paths.along(z, UNIT, amounts)
    assert (found @ UNIT / (UNIT @ UNIT)).tolist() == pytest.approx(amounts, abs=0.02)
    assert not found[2].any()


def test_the_nearest_code_is_found(z: Tensor) -> None:
    even = CurvedPaths(nn.Identity(), torch.full((DIM,), 0.1), 0.7)
    code = even.code(z)
    torch.testing.assert_close(even.code(even.nearest(code[0])), code, atol=0.02, rtol=0)


def test_a_path_is_not_straight(paths: CurvedPaths, z: Tensor) -> None:
    amounts = [0.25 * k for k in range(9)]
    codes = paths.code(z) + paths.along(z, UNIT, amounts)
    steps = codes.diff(dim=0)
    assert steps.norm(dim=1).sum() > 1.003 * (codes[-1] - codes[0]).norm()


def test_what_an_edit_does_depends_on_the_code(paths: CurvedPaths, z: Tensor) -> None:
    one, other = (paths.along(each, UNIT, [1.5])[0] for each in (z, z.flip(1)))
    assert torch.cosine_similarity(one, other, dim=0) < 0.99
