"""The directions that ship, and what a user is told who asks for another."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from configs import directions
from configs.directions import FOLDER, find_direction, known_directions
from configs.inversion import GENERATOR
from pipeline.failure import UsageError
from stages.direction_file import read_direction, write_direction
from stages.edit_text import Edit
from stages.networks.mobile_stylegan import GeneratorShape, load_mobile_stylegan
from tests.stages.test_direction_file import AGE, unit


def test_age_ships_and_belongs_to_the_default_generator() -> None:
    header, vector = read_direction(find_direction("age").file)
    assert header.generator == GENERATOR and header.name == "age"
    assert vector.shape == (512,)
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
    assert set(header.rows) <= set(GeneratorShape().active_rows) and header.rows
    assert header.years_per_sigma is not None and header.years_per_sigma > 0
    assert header.correlation > 0.5
    assert "pipeline" in header.made_by and "non-commercial" in header.licence
    assert abs(Edit.parse("age=+10y").sigmas(header)[0]) < 3


def test_every_shipped_file_is_named_after_its_direction_and_small() -> None:
    files = sorted(FOLDER.glob("*"))
    assert {f.suffix for f in files} == {".safetensors"}
    assert [d.name for d in known_directions()] == [f.stem for f in files]
    assert all(f.stat().st_size < 50_000 for f in files)


def test_the_unit_is_the_spread_over_the_mapping_networks_samples(
    weights: Callable[[str], Path],
) -> None:
    header, vector = read_direction(find_direction("age").file)
    model = load_mobile_stylegan(weights(GENERATOR))
    z = torch.randn(10_000, 512, generator=torch.Generator().manual_seed(4321))
    with torch.no_grad():
        projection = model.mapping(z).numpy().astype(np.float64) @ vector
    assert header.sigma == pytest.approx(projection.std(), rel=0.03)
    assert header.mean == pytest.approx(projection.mean(), abs=0.05 * header.sigma)


def test_age_points_where_published_directions_do(assets: Path) -> None:
    """A cosine with STIT's, which it was not fitted to: other generators' directions have none."""
    _, vector = read_direction(find_direction("age").file)
    folder = assets / "directions" / "stylegan2_ffhq_w_stit"
    published = {p.stem: np.load(p, allow_pickle=False)[0] for p in folder.glob("*.npy")}
    cosine = {n: float(v @ vector / np.linalg.norm(v)) for n, v in published.items()}
    assert cosine["age"] > 0.2, cosine
    assert abs(cosine["gender"]) < cosine["age"]
    assert max(cosine, key=lambda n: cosine[n]) == "age"


def test_an_unknown_edit_names_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(directions, "FOLDER", tmp_path)
    with pytest.raises(UsageError, match=r"^The edit 'beard' is unknown: none can be had\.$"):
        find_direction("beard")
    for name in ("smile", "age"):
        header = AGE.model_copy(update={"name": name})
        write_direction(tmp_path / f"{name}.safetensors", header, unit())
    with pytest.raises(UsageError, match=r"^The edit 'beard' is unknown: age, smile can be had\.$"):
        find_direction("beard")
    assert find_direction("smile").name == "smile"
