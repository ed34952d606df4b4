"""SeFa: the eigenvectors of the stacked modulation weights."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.failure import UsageError
from pipeline.stage import Context
from stages.direction_file import read_direction
from stages.network_weights import GeneratorWeights
from stages.sefa import FactoriseWeights, factorise, modulations
from tests.stages import tiny

WEIGHTS = GeneratorWeights("tiny", Path(), "0" * 64)


def test_the_first_direction_is_the_one_that_all_channels_read() -> None:
    model = tiny.generator()
    planted = torch.nn.functional.normalize(torch.arange(16.0) - 3, dim=0)
    for row in (0, 1):
        for modulation in modulations(model)[row]:
            noise = 0.1 * torch.randn(modulation.weight.shape, generator=torch.manual_seed(row))
            modulation.weight.data.copy_(planted + noise)
    vectors = factorise(model, (0, 1))
    assert vectors[0] @ planted.numpy() > 0.98  # with its sign: the largest component is positive
    np.testing.assert_allclose(vectors @ vectors.T, np.eye(16), atol=1e-5)
    assert abs(factorise(model, (2,))[0] @ planted.numpy()) < 0.9, "rows were not told apart"


def test_every_row_that_acts_has_its_modulations() -> None:
    model = tiny.generator()
    assert tuple(modulations(model)) == model.shape.active_rows


def test_a_file_says_its_rows_and_unit(tmp_path: Path) -> None:
    model = tiny.generator()
    stage = FactoriseWeights(name="sefa", index=1, rows=(1, 2), made_by="this test")
    header, vector = read_direction(stage.run(model, WEIGHTS, Context(tmp_path)).file)
    assert header.rows == (1, 2) and header.correlation is None and header.sigma > 0
    np.testing.assert_array_equal(vector, factorise(model, (1, 2))[1])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"index": 16}, r"^--index 16: there are the eigenvectors 0 to 15\.$"),
        ({"rows": (3,)}, r"^Row 3 of W\+ does not reach the picture: 0, 1, 2, 4"),
    ],
)
def test_what_is_not_there_is_told(tmp_path: Path, settings: dict[str, object], told: str) -> None:
    stage = FactoriseWeights.model_validate({"name": "sefa", **settings})
    with pytest.raises(UsageError, match=told):
        stage.run(tiny.generator(), WEIGHTS, Context(tmp_path))
