import numpy as np
import pytest

from stages.metrics.identity import (
    cosine,
    global_similarity,
    local_similarity,
    tg_id,
    tl_id,
)


def circle(degrees: list[float]) -> np.ndarray:
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32)


def test_cosine_goes_row_by_row() -> None:
    np.testing.assert_allclose(cosine(circle([0, 0]), circle([60, 180])), [0.5, -1], atol=1e-6)


def test_a_clip_against_itself_is_one() -> None:
    clip = circle([0, 10, 25])
    assert tl_id(clip, clip) == pytest.approx(1)
    assert tg_id(clip, clip) == pytest.approx(1)


def test_a_slow_drift_shows_globally_rather_than_locally() -> None:
    still, drift = circle([0] * 10), circle([5.0 * i for i in range(10)])
    assert tl_id(drift, still) == pytest.approx(np.cos(np.radians(5)), abs=1e-4)
    assert tg_id(drift, still) < 0.95


def test_one_frame_says_nothing_about_time() -> None:
    with pytest.raises(ValueError, match="two frames"):
        tg_id(circle([0]), circle([0]))


def test_pairs_that_do_not_follow_each_other_are_left_out() -> None:
    clip = circle([0, 10, 90, 100])
    follows = np.array([False, True, False, True])
    assert local_similarity(clip, follows) == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert local_similarity(clip) < 0.75
    with pytest.raises(ValueError, match="follow each other"):
        local_similarity(clip, np.zeros(4, bool))


def test_all_pairs_are_all_pairs() -> None:
    clip = circle([0, 20, 50, 85, 170])
    table = clip @ clip.T
    expected = table[np.triu_indices(5, 1)].mean()
    assert global_similarity(clip) == pytest.approx(float(expected), abs=1e-6)
