import numpy as np
import pytest

from stages.metrics.jitter import Jitter


def followed(times: list[float], path: np.ndarray) -> Jitter:
    """Jitter of points whose (n, k, 2) places are given."""
    jitter = Jitter()
    for time, points in zip(times, path, strict=True):
        jitter.add(time, points)
    return jitter


def test_constant_acceleration_is_found_exactly_at_uneven_times() -> None:
    times = np.array([0, 0.033, 0.1, 0.133, 0.2])
    along = np.array([[[3.0, 4.0]]]) * (times**2 / 2)[:, None, None]
    jitter = followed(times.tolist(), along)
    assert jitter.count == 3
    assert Jitter.pooled([jitter]) == pytest.approx(5)


def test_uniform_motion_is_steady() -> None:
    path = np.arange(6.0)[:, None, None] * np.ones((6, 3, 2))
    assert Jitter.pooled([followed([0, 1, 2, 3, 4, 5], path)]) == pytest.approx(0)


def test_trembling_grows_with_the_rate() -> None:
    path = np.array([0.0, 0.01] * 3)[:, None, None] * np.ones((6, 1, 2))
    # +-0.02 a frame squared, in two coordinates.
    at_25 = Jitter.pooled([followed([i / 25 for i in range(6)], path)])
    assert at_25 == pytest.approx(0.02 * 25**2 * np.sqrt(2))


def test_nothing_is_differenced_across_an_interruption() -> None:
    jitter = followed([0, 1], np.zeros((2, 1, 2)))
    jitter.interrupt()
    for time in (2, 3):
        jitter.add(time, np.ones((1, 2)))
    assert Jitter.pooled([jitter]) is None
    jitter.add(4, np.ones((1, 2)))
    assert Jitter.pooled([jitter]) == 0


def test_faces_are_pooled_by_their_frames() -> None:
    still = followed([0, 1, 2], np.zeros((3, 1, 2)))
    moving = followed([0, 1, 2], np.array([0.0, 0.0, 2.0])[:, None, None] * np.ones((3, 1, 2)))
    assert Jitter.pooled([moving]) == pytest.approx(2 * np.sqrt(2))
    assert Jitter.pooled([still, moving]) == pytest.approx(2)
