"""Codes over time: found by row, smoothed by seconds, never across runs."""

from collections.abc import Sequence

import numpy as np
import pytest

from stages.artifacts import F32, Alignment, Video
from stages.code_path import CodePath
from stages.inversion_artifacts import Latents
from tests.stages import tiny


def latents(frames: Sequence[int], values: F32, track: int = 0) -> Latents:
    """Codes (n, 2, 3), each filled with its value."""
    w_plus = np.broadcast_to(values[:, None, None], (len(values), 2, 3)).astype(np.float32)
    zero = np.zeros(len(values), np.float32)
    return Latents(track, np.array(frames, np.int32), zero, w_plus)


def path(
    alignment: Alignment, items: list[Latents], sigma: float, video: Video | None = None
) -> CodePath:
    return CodePath(items, alignment, video or tiny.video(40), sigma)


def noise(count: int) -> F32:
    return np.random.default_rng(0).normal(size=count).astype(np.float32)


def test_no_smoothing_is_the_codes_themselves() -> None:
    values = noise(20)
    items = [latents(range(8), values[:8]), latents(range(8, 20), values[8:])]
    found = path(tiny.alignment((0, range(20))), items, 0)
    assert found.rows == list(range(20))
    np.testing.assert_array_equal(found.codes([3, 12])[:, 1, 2], values[[3, 12]])
    assert found.codes([3]).shape == (1, 2, 3)


@pytest.mark.parametrize("sigma", [0.0, 0.04, 0.5])
def test_constant_codes_stay_constant(sigma: float) -> None:
    items = [latents(range(20), np.full(20, 1.75, np.float32))]
    found = path(tiny.alignment((0, range(20))), items, sigma)
    np.testing.assert_allclose(found.codes(found.rows), 1.75, rtol=1e-6)


def test_smoothing_is_a_gaussian_over_the_frames_times() -> None:
    values = np.zeros(21, np.float32)
    values[10] = 1
    found = path(tiny.alignment((0, range(21))), [latents(range(21), values)], 0.06)
    seconds = 0.04 * (np.arange(21) - 10)
    weight = np.exp(-((seconds / 0.06) ** 2) / 2) * (np.abs(seconds) <= 0.18)
    shown = found.codes(found.rows)[:, 0, 0]
    np.testing.assert_allclose(shown, weight / weight.sum(), atol=1e-6)


def test_noise_gets_less_and_neighbouring_windows_are_one_path() -> None:
    values = noise(30)
    alignment = tiny.alignment((0, range(30)))
    one = path(alignment, [latents(range(30), values)], 0.06)
    two = path(
        alignment,
        [latents(range(16, 30), values[16:]), latents(range(16), values[:16])],
        0.06,
    )
    shown = one.codes(one.rows)[:, 0, 0]
    np.testing.assert_array_equal(two.codes(two.rows)[:, 0, 0], shown)
    assert np.diff(shown).std() < 0.4 * np.diff(values).std()


def test_smoothing_never_crosses_from_run_to_run() -> None:
    """A gap in the frames, another track, and a row where nothing is shown end a run."""
    weight = np.ones(40, np.float32)
    weight[35] = 0
    alignment = tiny.alignment(
        (0, range(10)), (0, range(12, 20)), (1, range(20, 42)), weight=weight
    )
    steps = np.concatenate([np.full(10, 1.0), np.full(8, 5.0), np.full(17, 9.0)])
    items = [
        latents(range(10), steps[:10].astype(np.float32)),
        latents(range(12, 20), steps[10:18].astype(np.float32)),
        latents(range(20, 37), steps[18:].astype(np.float32), track=1),
        latents(range(38, 42), np.full(4, 13, np.float32), track=1),
    ]
    found = path(alignment, items, 1.0, tiny.video(42))
    shown = dict(zip(found.rows, found.codes(found.rows)[:, 0, 0].tolist(), strict=True))
    assert 35 not in shown
    for row, value in shown.items():
        wanted = 1 if row < 10 else 5 if row < 18 else 9 if row < 35 else 13
        assert value == pytest.approx(wanted, rel=1e-6)


def test_uneven_frames_are_weighed_by_their_time() -> None:
    pts = [0, 30, 60, 200, 230]
    values = np.array([0, 0, 0, 1, 1], np.float32)
    found = path(
        tiny.alignment((0, range(5))), [latents(range(5), values)], 0.04, tiny.video(pts=pts)
    )
    shown = found.codes(found.rows)[:, 0, 0]
    # 140 ms are beyond three sigmas: nothing comes over.
    np.testing.assert_allclose(shown, values, atol=1e-6)


def test_ends_without_codes_are_told() -> None:
    with pytest.raises(ValueError, match="1 ends of runs have no codes: 4"):
        path(tiny.alignment((0, range(5))), [latents(range(3), noise(3))], 0)


def test_between_codes_that_were_solved_it_goes_straight_by_time() -> None:
    video = tiny.video(7)
    seconds = video.seconds
    values = np.array([1.0, 4.0, -2.0], np.float32)
    item = latents([0, 4, 6], values)
    found = path(tiny.alignment((0, range(7))), [item], 0, video)
    assert found.rows == list(range(7))
    expected = np.interp(seconds, seconds[[0, 4, 6]], values)
    np.testing.assert_allclose(found.codes(found.rows)[:, 1, 2], expected, atol=1e-6)


def test_filling_in_never_crosses_from_run_to_run() -> None:
    alignment = tiny.alignment((0, range(4)), (0, range(6, 9)))
    items = [latents([0, 3], np.zeros(2, np.float32)), latents([6, 8], np.ones(2, np.float32))]
    found = path(alignment, items, 0)
    assert found.codes(found.rows)[:, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1]
