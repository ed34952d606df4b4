"""A planted direction is found again, in its unit, apart from others and in years."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch

from pipeline.stage import Context
from stages import fit_direction
from stages.artifacts import F32, U8
from stages.direction_file import DirectionHeader, read_below, read_direction
from stages.fit_direction import UNIT_SAMPLES, FitDirection, SideFit, orthogonal, ridge
from stages.label_samples import LABELS, LabelledSamples, Labellers
from stages.network_weights import GeneratorWeights
from stages.networks.rgb_head import RenderableGenerator
from tests.stages import tiny

WEIGHTS = GeneratorWeights("tiny", Path(), "0" * 64)


def planted(seed: int) -> np.ndarray:
    vector = np.random.default_rng(seed).normal(size=16)
    return np.asarray(vector / np.linalg.norm(vector))


AGE = planted(1)
GENDER = planted(2)


@pytest.fixture
def labellers() -> Labellers:
    return Labellers(RenderableGenerator(tiny.generator(), {}), cast(Any, None), cast(Any, None))


def samples(count: int = 400) -> LabelledSamples:
    """Age is 40 + 30 (w . AGE), gender w . GENDER, with a little noise; one has no face."""
    random = np.random.default_rng(0)
    w = random.normal(size=(count, 16)).astype(np.float32)
    labels = np.zeros((count, len(LABELS)), np.float32)
    labels[:, 0] = 40 + 30 * (w @ AGE) + random.normal(size=count)
    labels[:, 1] = w @ GENDER
    labels[:, 2:] = random.normal(size=(count, len(LABELS) - 2))
    labels[7, 2:] = np.nan
    labels[7, 0] = 1e6
    return LabelledSamples("tiny", w, labels)


def fit(labellers: Labellers, tmp_path: Path, **settings: object) -> tuple[DirectionHeader, F32]:
    stage = FitDirection.model_validate({"penalty": 1e-3, "penalty_against": 1e-3, **settings})
    found = stage.run(labellers, generator=WEIGHTS, samples=samples(), context=Context(tmp_path))
    return read_direction(found.file)


@pytest.fixture
def linear_age(monkeypatch: pytest.MonkeyPatch) -> None:
    """The age judge sees the mean of the first three rows along AGE, 6 years to a unit of W."""

    def see(model: object, w_plus: torch.Tensor) -> torch.Tensor:
        return w_plus

    def judge(_: object, codes: torch.Tensor) -> F32:
        ages = 6 * codes[:, :3].mean(dim=1).numpy() @ AGE
        return np.asarray(np.stack([ages] + [0 * ages] * 4, axis=1), np.float32)

    monkeypatch.setattr(fit_direction, "render_256", see)
    monkeypatch.setattr(fit_direction, "label", judge)


def test_ridge_finds_the_slope_and_shrinks_with_the_penalty() -> None:
    random = np.random.default_rng(3)
    w = random.normal(size=(500, 4)) + 5
    y = 7 + w @ np.array([1.0, -2, 0, 3])
    free, held = (ridge(w, y, penalty) for penalty in (1e-9, 10.0))
    np.testing.assert_allclose(free * y.std(), [1, -2, 0, 3], atol=1e-4)
    assert np.linalg.norm(held) < 0.2 * np.linalg.norm(free)


def test_orthogonal_removes_the_span_of_others() -> None:
    a, b, c = (planted(n) for n in (4, 5, 6))
    found = orthogonal(a, [b, c])
    assert abs(found @ b) < 1e-9 and abs(found @ c) < 1e-9
    assert np.linalg.norm(found) == pytest.approx(1)
    np.testing.assert_allclose(orthogonal(3 * a, []), a)


@pytest.mark.usefixtures("linear_age")
def test_the_planted_direction_is_found(labellers: Labellers, tmp_path: Path) -> None:
    header, vector = fit(labellers, tmp_path, name="age", made_by="this test")
    assert vector @ AGE > 0.999, "a sample without a face took part"
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    assert header.correlation > 0.99
    assert (header.name, header.generator, header.made_by) == ("age", "tiny", "this test")
    assert header.rows == tiny.SHAPE.active_rows


@pytest.mark.usefixtures("linear_age")
def test_the_unit_is_the_spread_of_the_mapping_networks_own_samples(
    labellers: Labellers, tmp_path: Path
) -> None:
    assert UNIT_SAMPLES == 10_000
    header, vector = fit(labellers, tmp_path, name="age")
    z = torch.randn(50_000, 16, generator=torch.Generator().manual_seed(99))
    with torch.no_grad():
        projection = labellers.generator.generator.mapping(z).numpy() @ vector
    assert header.sigma == pytest.approx(float(projection.std()), rel=0.03)
    assert header.mean == pytest.approx(float(projection.mean()), abs=0.05 * header.sigma)


@pytest.mark.usefixtures("linear_age")
def test_years_are_the_judges_change_by_one_sigma(labellers: Labellers, tmp_path: Path) -> None:
    header, vector = fit(labellers, tmp_path, name="age")
    # Of rows 0 to 2 all are active here.
    assert header.years_per_sigma == pytest.approx(6 * header.sigma * (vector @ AGE), rel=1e-3)
    header, _ = fit(labellers, tmp_path, name="age", rows=(0,))
    assert header.years_per_sigma == pytest.approx(2 * header.sigma * (vector @ AGE), rel=1e-3)


@pytest.mark.usefixtures("linear_age")
def test_negative_strengths_may_have_a_fit_of_their_own(
    labellers: Labellers, tmp_path: Path
) -> None:
    stage = FitDirection(name="age", penalty=1e-3, below=SideFit(30, most=np.inf))
    found = stage.run(labellers, generator=WEIGHTS, samples=samples(), context=Context(tmp_path))
    header, vector = read_direction(found.file)
    below = read_below(found.file)
    alone, same = fit(labellers, tmp_path, name="age")  # over that file
    np.testing.assert_array_equal(vector, same)
    assert alone.below is None and header.below is not None
    np.testing.assert_array_equal(below, fit(labellers, tmp_path, name="age", penalty=30)[1])
    assert np.abs(below - vector).max() > 1e-4
    # The judge is linear, so a sigma between -1 and 0 is worth what it is between -1 and 1.
    assert header.below.years_per_sigma == pytest.approx(
        6 * header.below.sigma * (below @ AGE), rel=1e-3
    )
    assert header.years_per_sigma == pytest.approx(alone.years_per_sigma, rel=1e-3)


@pytest.mark.usefixtures("linear_age")
def test_a_fit_below_may_leave_samples_out_and_let_rows_go_less_far(
    labellers: Labellers, tmp_path: Path
) -> None:
    def below_of(**how: Any) -> tuple[DirectionHeader, F32]:
        stage = FitDirection(name="age", penalty=1e-3, below=SideFit(1e-3, **how))
        context = Context(tmp_path)
        found = stage.run(labellers, generator=WEIGHTS, samples=bent, context=context)
        return read_direction(found.file)[0], read_below(found.file)

    # Of those above 40 the label says something else.
    bent = samples()
    old = bent.labels[:, 0] > 40
    bent.labels[old, 0] += 200 * np.maximum(bent.w[old] @ GENDER, 0)
    _, of_all = below_of(most=np.inf)
    whole, of_young = below_of(most=40.0)
    assert of_young @ AGE > 0.99 > of_all @ AGE
    shares = tuple(0.5 for _ in tiny.SHAPE.active_rows)
    half, same = below_of(most=40.0, shares=shares)
    np.testing.assert_array_equal(same, of_young)
    assert whole.below and half.below and half.below.shares == shares
    assert half.below.sigma == whole.below.sigma, "the unit is of W"
    assert half.below.years_per_sigma and whole.below.years_per_sigma
    assert half.below.years_per_sigma == pytest.approx(whole.below.years_per_sigma / 2, rel=1e-3)


@pytest.mark.usefixtures("linear_age")
def test_a_fit_below_may_lean_towards_a_label_by_sigmas(
    labellers: Labellers, tmp_path: Path
) -> None:
    leaning = SideFit(1e-3, most=np.inf, leaning=(("gender", -0.5),))
    stage = FitDirection(name="age", penalty=1e-3, against=("gender",), below=leaning)
    found = stage.run(labellers, generator=WEIGHTS, samples=samples(), context=Context(tmp_path))
    (header, upright), below = read_direction(found.file), read_below(found.file)
    z = torch.randn(50_000, 16, generator=torch.Generator().manual_seed(99))
    with torch.no_grad():
        drawn = labellers.generator.generator.mapping(z).numpy()
    wanted = upright * (drawn @ upright).std() - 0.5 * (drawn @ GENDER).std() * GENDER
    assert below @ (wanted / np.linalg.norm(wanted)) > 0.999 > below @ upright
    assert header.below and header.below.leaning == (("gender", -0.5),)
    assert header.below.sigma == pytest.approx(float((drawn @ below).std()), rel=0.03)


@pytest.mark.usefixtures("linear_age")
def test_against_another_label_it_is_orthogonal_to_that_ones_direction(
    labellers: Labellers, tmp_path: Path
) -> None:
    header, vector = fit(labellers, tmp_path, name="age", against=("gender",))
    assert header.orthogonal_to == ("gender",)
    assert abs(vector @ GENDER) < 0.02
    wanted = orthogonal(AGE, [GENDER])
    assert vector @ wanted > 0.999


def test_other_labels_have_no_years(
    labellers: Labellers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> U8:
        raise AssertionError("nothing is rendered for it")

    monkeypatch.setattr(fit_direction, "render_256", never)
    header, vector = fit(labellers, tmp_path, name="gender")
    assert header.years_per_sigma is None and vector @ GENDER > 0.999


def test_a_larger_penalty_turns_towards_where_samples_vary(
    labellers: Labellers, tmp_path: Path
) -> None:
    """W varies five times as much along GENDER's axis as elsewhere, and the label sees both."""
    random = np.random.default_rng(1)
    wide, narrow = np.eye(16)[0], np.eye(16)[1]
    w = random.normal(size=(400, 16)) * np.where(wide > 0, 5.0, 1.0)
    labels = np.zeros((400, len(LABELS)), np.float32)
    labels[:, LABELS.index("gender")] = w @ (wide + 2 * narrow)
    drawn = LabelledSamples("tiny", w.astype(np.float32), labels)

    def share(penalty: float) -> float:
        stage = FitDirection(name="gender", penalty=penalty)
        found = stage.run(labellers, generator=WEIGHTS, samples=drawn, context=Context(tmp_path))
        return float(read_direction(found.file)[1] @ wide)

    assert share(1e-3) == pytest.approx(1 / np.sqrt(5), abs=0.02)
    assert share(10) > 0.9
