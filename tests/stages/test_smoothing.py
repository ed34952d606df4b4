import numpy as np

from stages.smoothing import smooth


def test_a_straight_line_stays_even_at_the_ends_and_at_uneven_times() -> None:
    times = np.cumsum(np.tile([0.033, 0.067], 20))
    values = np.stack([3 * times + 1, -times], axis=1)
    np.testing.assert_allclose(smooth(times, values, 0.1), values, atol=1e-9)


def test_noise_shrinks_and_more_so_with_more_sigma() -> None:
    times = np.arange(400) / 25
    noise = np.random.default_rng(0).normal(size=400)
    raw, light, strong = (smooth(times, noise, s)[20:-20].std() for s in (0.0, 0.04, 0.12))
    assert light < 0.75 * raw and strong < 0.75 * light


def test_seconds_not_frames() -> None:
    """A step is blurred over the same time at 25 and at 50 frames per second."""
    rise = []
    for rate in (25, 50):
        times = np.arange(4 * rate) / rate
        step = smooth(times, (times >= 2).astype(float), 0.2)
        rise.append(np.interp(0.84, step, times) - np.interp(0.16, step, times))
    np.testing.assert_allclose(rise[0], rise[1], atol=0.02)


def test_it_does_not_lag() -> None:
    times = np.arange(100) / 25
    turn = np.tanh((times - 2) * 5)
    middle = np.interp(0, smooth(times, turn, 0.12), times)
    np.testing.assert_allclose(middle, 2, atol=1e-3)


def test_zero_sigma_and_single_frames_change_nothing() -> None:
    values = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_array_equal(smooth(np.arange(5.0), values, 0), values)
    np.testing.assert_array_equal(smooth(np.arange(1.0), values[:1], 1), values[:1])
