import cv2
import numpy as np
import pytest

from stages.metrics.warp_error import (
    Motion,
    WarpError,
    border,
    dis_flow,
    motion,
    visible,
    warp,
    warp_error,
)


def texture(height: int = 96, width: int = 128) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX)


def test_warping_reads_where_the_flow_points() -> None:
    picture = texture().astype(np.float32)
    flow = np.zeros((96, 128, 2), np.float32)
    flow[..., 0], flow[..., 1] = 3, -2
    out = warp(picture, flow)
    np.testing.assert_array_equal(out[2:, :-3], picture[:-2, 3:])


def test_a_moving_picture_has_no_error_along_its_motion_and_much_across() -> None:
    previous = texture()
    current = np.roll(previous, (0, 4), (0, 1))
    along = motion(previous, current)
    inner = np.zeros((96, 128), bool)
    inner[16:-16, 16:-16] = True
    assert along.visible[inner].mean() > 0.9
    moving = warp_error(previous, current, along, inner).mean_squared
    still = Motion(np.zeros_like(along.flow), along.visible)
    assert moving < 0.02 * warp_error(previous, current, still, inner).mean_squared


def test_a_brightness_pulse_is_seen_with_the_sources_flow() -> None:
    source = texture() // 2
    along = motion(source, source)
    everywhere = np.ones((96, 128), bool)
    error = warp_error(source, source + 10, along, everywhere)
    assert error.mean_squared == pytest.approx((10 / 255) ** 2, rel=1e-3)
    assert error.mean_absolute == pytest.approx(10 / 255, rel=1e-3)


def test_what_flow_cannot_bring_back_is_not_visible() -> None:
    there = np.zeros((40, 40, 2), np.float32)
    there[10:20, 10:20, 0] = 5
    back = np.zeros_like(there)
    seen = visible(there, back)
    assert not seen[10:20, 10:20].any()
    assert seen[25:, 25:].all()
    there[:, -1, 0] = 9
    back[:, -1, 0] = -9
    assert not visible(there, back)[:, -1].any()


def test_dis_finds_a_translation() -> None:
    picture = texture()
    flow = dis_flow(picture, np.roll(picture, 3, 1))[20:-20, 20:-20]
    assert np.median(flow[..., 0]) == pytest.approx(3, abs=0.2)
    assert np.median(flow[..., 1]) == pytest.approx(0, abs=0.2)


def test_the_border_is_a_band_on_both_sides_and_not_at_the_pictures_edge() -> None:
    mask = np.zeros((40, 40), bool)
    mask[10:30, :20] = True
    band = border(mask, 2)
    assert band[20, 18]
    assert band[20, 21]
    assert not band[20, 16]
    assert not band[20, 24]
    assert not band[20, 0]


def test_errors_add_and_nothing_is_not_zero() -> None:
    total = WarpError(2.0, 4.0, 2) + WarpError(1.0, 2.0, 1)
    assert (total.mean_squared, total.mean_absolute) == (1.0, 2.0)
    assert np.isnan(WarpError().mean_squared)


def test_shapes_must_agree() -> None:
    a = texture()
    with pytest.raises(ValueError, match="must agree"):
        warp_error(a, a, motion(a, a), np.ones((4, 4), bool))
