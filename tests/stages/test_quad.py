import numpy as np
import pytest

from stages.quad import (
    Axes,
    apply_affine,
    axes_of,
    crop,
    ffhq_axes,
    quad_of,
    quad_to_square,
    side_of,
    square_to_quad,
)


def ibug(eye_distance: float, mouth_below: float) -> np.ndarray:
    """68 points, only those of eyes and mouth set, about (100, 100) between the eyes."""
    points = np.zeros((68, 2), np.float32)
    points[36:42] = (100 - eye_distance / 2, 100)
    points[42:48] = (100 + eye_distance / 2, 100)
    points[48] = (80, 100 + mouth_below)
    points[54] = (120, 100 + mouth_below)
    return points


def test_upright_face_gives_ffhq_square() -> None:
    """Wide-set eyes: half the side is twice the eyes' distance, the centre 0.1 of the way down."""
    centre, x = ffhq_axes(ibug(eye_distance=40, mouth_below=40))
    np.testing.assert_allclose(centre, (100, 104))
    np.testing.assert_allclose(x, (80, 0), atol=1e-9)


def test_long_face_is_measured_by_the_mouth() -> None:
    assert ffhq_axes(ibug(40, 60)).x[0] == pytest.approx(1.8 * 60)


def test_corner_order_is_counter_clockwise_from_the_top_left() -> None:
    quad = quad_of(Axes(np.array([10.0, 20.0]), np.array([4.0, 0.0])))
    np.testing.assert_array_equal(quad, [(6, 16), (6, 24), (14, 24), (14, 16)])
    assert side_of(quad) == 8


def test_axes_and_quad_are_inverse() -> None:
    axes = Axes(np.array([[10.0, 20.0], [3, 4]]), np.array([[4.0, 1.0], [2, -3]]))
    again = axes_of(quad_of(axes))
    np.testing.assert_allclose(again.centre, axes.centre)
    np.testing.assert_allclose(again.x, axes.x)


def test_a_rolled_face_rolls_the_quad() -> None:
    upright, turn = ibug(40, 50), np.deg2rad(30)
    turned = upright @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    x = ffhq_axes(turned.astype(np.float32)).x
    assert np.rad2deg(np.arctan2(x[1], x[0])) == pytest.approx(30, abs=1e-4)


def test_maps_send_corners_to_corners_and_back() -> None:
    quad = quad_of(Axes(np.array([50.0, 60.0]), np.array([20.0, 7.0])))
    corners = np.array([(0, 0), (0, 256), (256, 256), (256, 0)], float)
    np.testing.assert_allclose(apply_affine(quad_to_square(quad, 256), quad), corners, atol=1e-9)
    np.testing.assert_allclose(apply_affine(square_to_quad(quad, 256), corners), quad, atol=1e-9)


def test_whole_image_crop_is_the_image() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    quad = np.array([(0, 0), (0, 64), (64, 64), (64, 0)], float)
    np.testing.assert_array_equal(crop(image, quad, 64), image)


def test_shrinking_averages_areas() -> None:
    """A one-pixel checkerboard becomes even grey; sampling it would give black or white."""
    y, x = np.mgrid[0:128, 0:128]
    image = np.repeat(((x + y) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    quad = np.array([(0, 0), (0, 128), (128, 128), (128, 0)], float)
    small = crop(image, quad, 32).astype(int)
    assert np.abs(small - 128).max() <= 2


@pytest.mark.parametrize("size", [32, 64, 200])
def test_crop_keeps_positions_at_any_scale(size: int) -> None:
    """The centroid of a soft blob lands where the affine map says, to a tenth of a crop pixel."""
    y, x = np.mgrid[0:160, 0:160] + 0.5
    blob = 255 * np.exp(-((x - 70.3) ** 2 + (y - 90.8) ** 2) / (2 * 6.0**2))
    image = np.repeat(blob.round().astype(np.uint8)[..., None], 3, axis=2)
    quad = quad_of(Axes(np.array([78.0, 84.0]), np.array([55.0, 12.0])))
    got = crop(image, quad, size)[..., 0].astype(float)
    v, u = np.mgrid[0:size, 0:size] + 0.5
    centroid = np.array([(got * u).sum(), (got * v).sum()]) / got.sum()
    expected = apply_affine(quad_to_square(quad, size), np.array([70.3, 90.8]))
    np.testing.assert_allclose(centroid, expected, atol=0.1)


def test_outside_the_picture_it_is_mirrored() -> None:
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, :20] = 200
    quad = np.array([(-20, 0), (-20, 40), (20, 40), (20, 0)], float)
    assert (crop(image, quad, 40) >= 199).all()
