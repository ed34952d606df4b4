"""The directions that ship, and what a user is told who asks for another."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from configs import directions
from configs.directions import (
    FOLDER,
    describe,
    find_direction,
    known_directions,
    own_directions,
)
from configs.inversion import GENERATOR
from configs.make_directions import (
    CLEAN,
    fit_plan,
    measure_plan,
    named_or_file,
    pair_plan,
    parse_rows,
    plot_plan,
    years_plan,
)
from pipeline.failure import InputError, UsageError
from stages.direction_file import read_direction, write_direction
from stages.edit_text import Edit
from stages.fit_clean import FitCleanDirection
from stages.fit_direction import FitDirection
from stages.label_appearance import ALL_LABELS, Table
from stages.networks.mobile_stylegan import GeneratorShape, load_mobile_stylegan
from tests.acceptance.published import PAIRS, correlations
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


OURS = {
    "age", "eyes", "gender", "glasses", "hair", "lipstick", "mouth", "pitch", "side_light",
    "smile", "yaw",
}  # fmt: skip


def test_each_direction_that_ships_says_all_of_itself() -> None:
    known = {d.name: read_direction(d.file) for d in known_directions()}
    assert set(known) == OURS
    for name, (header, vector) in known.items():
        assert header.name == name and header.generator == GENERATOR
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-4)
        assert set(header.rows) <= set(GeneratorShape().active_rows) and header.rows
        assert header.made_by.startswith(f"pipeline directions fit {name} ")
        assert "non-commercial" in header.licence
        assert header.correlation is not None and header.correlation > 0.25
        told = describe(find_direction(name), full=True)
        assert name in told and header.licence in told and "safely from" in told


def test_no_two_directions_are_nearly_one() -> None:
    vectors = np.stack([read_direction(d.file)[1] for d in known_directions()])
    cosine = vectors @ vectors.T - np.eye(len(vectors))
    assert np.abs(cosine).max() < 0.6


@pytest.mark.parametrize(
    ("ours", "published"),
    [("gender", "gender"), ("yaw", "yaw"), ("smile", "smile"), ("pitch", "pitch")],
)
def test_ours_point_where_published_directions_do(assets: Path, ours: str, published: str) -> None:
    """After what goes along with a label was taken out: the sign and a part of the way remain."""
    _, vector = read_direction(find_direction(ours).file)
    other = np.load(assets / "directions" / "stylegan2_ffhq_w_stit" / f"{published}.npy")[0]
    assert float(other @ vector / np.linalg.norm(other)) > 0.1


def test_a_direction_is_found_by_name_or_file(tmp_path: Path) -> None:
    assert named_or_file("smile").name == "smile"
    file = FOLDER / "smile.safetensors"
    assert named_or_file(str(file)).sha256 == named_or_file("smile").sha256
    with pytest.raises(UsageError, match=r"^The edit 'charm' is unknown: age, eyes, "):
        named_or_file("charm")
    pickled = tmp_path / "smile.safetensors"
    pickled.write_bytes(pickle.dumps({"direction": [1.0]}))
    with pytest.raises(InputError, match=r"is not a direction file \("):
        named_or_file(str(pickled))
    with pytest.raises(InputError, match="There is no direction file"):
        named_or_file(str(tmp_path / "none.safetensors"))


def test_a_users_own_files_are_found_before_those_that_ship(tmp_path: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in ("calm", "smile", "again", "alien")]
    names = ("calm", "smile", "calm")
    for path, name, generator in zip(
        files, (*names, "alien"), (*[GENERATOR] * 3, "stylegan2-church"), strict=True
    ):
        header = AGE.model_copy(update={"name": name, "generator": generator})
        write_direction(path, header, unit(512))
    own = own_directions(files[:2], GENERATOR)
    assert find_direction("calm", own).file == files[0]
    assert find_direction("smile", own).file == files[1]
    assert find_direction("age", own) == find_direction("age")
    with pytest.raises(UsageError, match=r"are both named calm\.$"):
        own_directions(files[:3], GENERATOR)
    with pytest.raises(UsageError, match=r"alien\.safetensors belongs to the generator stylegan2"):
        own_directions(files[3:], GENERATOR)


@pytest.mark.parametrize(
    ("text", "rows"),
    [(None, ()), ("0,1,2", (0, 1, 2)), ("4-8", (4, 5, 7, 8)), ("0, 4-5", (0, 4, 5))],
)
def test_rows_are_lists_and_ranges(text: str | None, rows: tuple[int, ...]) -> None:
    assert parse_rows(text) == rows


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1,,2", "1.5", "0-99999999"])
def test_what_is_no_list_of_rows_is_told(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a list such as 0,1,2 or 4-8\.$"):
        parse_rows(text)


@pytest.mark.parametrize("text", ["3", "0,6", "22-40"])
def test_rows_that_do_not_reach_the_picture_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"reaches the picture: 0, 1, 2, 4, .* do\.$"):
        parse_rows(text)


def test_years_are_seen_in_photographs_of_the_generator_s_own_direction(tmp_path: Path) -> None:
    given = [(tmp_path / "a.jpg", "a" * 64), (tmp_path / "b.jpg", "b" * 64)]
    plan = years_plan(nothing, find_direction("age"), given, "a test")
    seen = [name for name in plan.nodes if name.startswith("years_")]
    assert len(seen) == 2 and {"codes_0", "codes_1", "direction"} <= set(plan.nodes)
    with pytest.raises(UsageError, match="no photographs"):
        years_plan(nothing, find_direction("age"), [], "a test")
    header = AGE.model_copy(update={"generator": "another"})
    other = write_direction(tmp_path / "age.safetensors", header, unit())
    with pytest.raises(UsageError, match="belongs to the generator another"):
        years_plan(nothing, other, given, "a test")


def nothing(name: str) -> tuple[Path, str]:
    """Weights that no test here reads."""
    return Path(name), "0" * 64


def test_a_fit_is_planned_by_its_label() -> None:
    plan, node = fit_plan(nothing, "smile", 50, "this test")
    stage = plan.nodes[node].stage
    assert isinstance(stage, FitCleanDirection) and stage.made_by == "this test"
    assert set(CLEAN) | {"age"} == set(ALL_LABELS)
    plan, node = fit_plan(nothing, "age", 50, "this test")
    assert isinstance(plan.nodes[node].stage, FitDirection)
    with pytest.raises(UsageError, match=r"^There is no label 'charm': age, gender, yaw, "):
        fit_plan(nothing, "charm", 50, "this test")


def test_pairs_are_pairs() -> None:
    for count in (0, 3):
        given = [(Path(str(i)), "0" * 64) for i in range(count)]
        with pytest.raises(UsageError, match=f"^{count} photographs are no pairs: "):
            pair_plan(nothing, given, "hat", (), 0, "this test")


def test_measuring_and_plotting_fit_together() -> None:
    identity = (Path("net"), "0" * 64)
    plan, nodes = measure_plan(nothing, known_directions(), 2, 8, identity, [(), (0, 1)])
    assert [plan.nodes[node].stage.rows for node in nodes] == [(), (0, 1)] * len(OURS)  # type: ignore[union-attr]
    assert "plot" in plot_plan(nothing, find_direction("smile")).nodes


def test_an_unknown_edit_names_those_there_are(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(directions, "FOLDER", tmp_path)
    with pytest.raises(UsageError, match=r"^The edit 'beard' is unknown: none can be had"):
        find_direction("beard")
    for name in ("smile", "age"):
        header = AGE.model_copy(update={"name": name})
        write_direction(tmp_path / f"{name}.safetensors", header, unit())
    with pytest.raises(
        UsageError, match=r"^The edit 'beard' is unknown: age, smile can be had, and "
    ):
        find_direction("beard")
    assert find_direction("smile").name == "smile"


def test_published_directions_are_compared_by_projection(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    w = random.normal(size=(500, 16))
    labels = np.stack([w[:, i % 16] for i in range(len(ALL_LABELS))], axis=1)
    for name, file in PAIRS.items():
        vector = np.eye(16)[ALL_LABELS.index(name) % 16]
        np.save(tmp_path / f"{file}.npy", np.repeat(vector[None], 18, axis=0))
    found = correlations(Table(ALL_LABELS, w, labels), w, tmp_path)
    assert list(found) == list(PAIRS) and min(found.values()) > 0.99
    np.save(tmp_path / "age.npy", np.repeat(np.eye(16)[3][None], 18, axis=0))
    assert abs(correlations(Table(ALL_LABELS, w, labels), w, tmp_path)["age"]) < 0.3
