import numpy as np
import pytest
from scipy.linalg import sqrtm

from stages.metrics.frechet import Moments, frechet


def moments(rows: np.ndarray, portion: int = 1000) -> Moments:
    found = Moments(rows.shape[1])
    for first in range(0, len(rows), portion):
        found.add(rows[first : first + portion])
    return found


def cloud(seed: int, n: int = 400, d: int = 6) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, d)) @ rng.standard_normal((d, d)) + rng.standard_normal(d)


def test_in_one_dimension_it_is_the_difference_of_means_and_of_deviations() -> None:
    a, b = np.array([[-1.0], [1.0]]), np.array([[2.0], [8.0]])
    deviations = np.sqrt(2), np.sqrt(18)
    expected = 5**2 + (deviations[0] - deviations[1]) ** 2
    assert frechet(moments(a), moments(b)).value == pytest.approx(expected)


def test_it_is_the_formula_with_scipys_matrix_root() -> None:
    a, b = cloud(0), cloud(1)
    ca, cb = np.cov(a.T), np.cov(b.T)
    apart = a.mean(0) - b.mean(0)
    expected = apart @ apart + np.trace(ca + cb - 2 * np.real(sqrtm(ca @ cb)))
    found = frechet(moments(a), moments(b))
    assert found.value == pytest.approx(expected, rel=1e-8)
    assert (found.samples, found.dims, found.full_rank) == (400, 6, True)
    assert frechet(moments(b), moments(a)).value == pytest.approx(expected, rel=1e-8)


def test_portions_do_not_matter() -> None:
    rows = cloud(2, n=50)
    one, many = moments(rows), moments(rows, portion=7)
    np.testing.assert_allclose(one.covariance, np.cov(rows.T))
    np.testing.assert_allclose(many.covariance, one.covariance)


def test_a_set_is_at_no_distance_from_itself_even_without_full_rank() -> None:
    few = cloud(3, n=4)
    found = frechet(moments(few), moments(few))
    assert found.value == pytest.approx(0, abs=1e-5)
    assert not found.full_rank


def test_shrinkage_moves_covariances_towards_a_sphere() -> None:
    a, b = cloud(4), cloud(5)
    ca, cb = np.trace(np.cov(a.T)) / 6, np.trace(np.cov(b.T)) / 6
    apart = a.mean(0) - b.mean(0)
    expected = apart @ apart + 6 * (np.sqrt(ca) - np.sqrt(cb)) ** 2
    found = frechet(moments(a), moments(b), shrinkage=1)
    assert found.value == pytest.approx(expected)
    assert found.shrinkage == 1


def test_too_few_and_unlike_features_are_refused() -> None:
    with pytest.raises(ValueError, match="two samples"):
        frechet(moments(cloud(0)), moments(cloud(1, n=1)))
    with pytest.raises(ValueError, match="6 and 3"):
        frechet(moments(cloud(0)), moments(cloud(0, d=3)))
