import numpy as np
import pytest

from stages.outline import DOWN, POINTS, SIDE, UP, face_outline, head_hull, mask_hull, soft_mask
from stages.quad import Axes, quad_of, quad_to_square


def ellipse(centre: tuple[float, float] = (100, 100), tilt: float = 0) -> np.ndarray:
    """(36, 2) an upright face 80 wide and 100 high, from its top clockwise."""
    angle = np.arange(POINTS) / POINTS * 2 * np.pi
    flat = np.stack([40 * np.sin(angle), -50 * np.cos(angle)], axis=1)
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    return np.asarray(flat @ turn + centre)


def area(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


def ibug_face() -> np.ndarray:
    points = np.zeros((68, 2), np.float32)
    angle = np.linspace(np.pi, 0, 17)  # jaw from the picture's left over the chin to its right
    points[:17] = np.stack([100 + 40 * np.cos(angle), 100 + 60 * np.sin(angle)], axis=1)
    points[17:27] = np.stack([np.linspace(70, 130, 10), np.full(10, 85)], axis=1)
    points[36:42], points[42:48] = (82, 98), (118, 98)
    points[48], points[54] = (88, 136), (112, 136)
    return points


def test_hull_grows_by_the_documented_factors() -> None:
    hull = head_hull(ellipse())
    np.testing.assert_allclose(hull[0], (100, 100 - 50 * UP))
    np.testing.assert_allclose(hull[18], (100, 100 + 50 * DOWN))
    np.testing.assert_allclose(hull[9], (100 + 40 * SIDE, 100), atol=1e-9)


def test_the_mask_is_whole_on_the_outline_and_at_most_one_and_a_half_heads() -> None:
    quad = quad_of(Axes(np.array([100.0, 95.0]), np.array([110.0, 0.0])))
    alpha = soft_mask(ellipse(), quad_to_square(quad, 220), 220, hull_of=mask_hull)
    x, y = (ellipse() + np.array([10, 15])).round().astype(int).T
    assert alpha[y, x].min() > 0.95
    assert area(head_hull(ellipse())) < area(mask_hull(ellipse()))
    assert area(mask_hull(ellipse())) < 1.4 * area(head_hull(ellipse()))


def test_hull_turns_with_the_face() -> None:
    upright, tilted = head_hull(ellipse()), head_hull(ellipse(tilt=0.5))
    assert area(tilted) == pytest.approx(area(upright))
    assert area(upright) > 1.5 * area(ellipse())


def test_ibug_outline_is_closed_over_the_forehead() -> None:
    outline = face_outline(ibug_face())
    assert outline.shape == (POINTS, 2)
    np.testing.assert_allclose(outline[18], (100, 160), atol=1e-4)
    np.testing.assert_allclose(outline[0], (100, 85 - 0.5 * 38), atol=1e-3)
    steps = np.linalg.norm(np.roll(outline, -1, axis=0) - outline, axis=1)
    assert steps.max() < 2.5 * np.median(steps), "the points do not follow one another"
    x, y = outline.T
    assert float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) > 0, "clockwise as seen"


def test_mesh_outline_is_the_face_oval() -> None:
    landmarks = np.zeros((2, 468, 2), np.float32)
    landmarks[:, 10], landmarks[:, 152] = (5, 1), (5, 9)
    outline = face_outline(landmarks)
    assert outline.shape == (2, POINTS, 2)
    np.testing.assert_array_equal(outline[0, [0, 18]], [(5, 1), (5, 9)])


@pytest.mark.parametrize("size", [96, 256, 512])
def test_mask_is_one_inside_zero_outside_and_smooth(size: int) -> None:
    quad = quad_of(Axes(np.array([100.0, 95.0]), np.array([110.0, 0.0])))
    affine = quad_to_square(quad, size)
    alpha = soft_mask(ellipse(), affine, size)
    scale = size / 220
    assert alpha.dtype == np.float32 and alpha.shape == (size, size)
    assert alpha[int((100 + 15) * scale), size // 2] == 1
    assert alpha[0].max() == alpha[-1].max() == alpha[:, 0].max() == 0
    support = (alpha > 0).sum()
    assert 0.9 < support / (area(head_hull(ellipse())) * scale**2) < 1.05
    steepest = max(np.abs(np.diff(alpha, axis=a)).max() for a in (0, 1))
    assert steepest < 1.1 * 1.5 / (0.12 * 100 * scale), "smoothstep's own steepest slope is 1.5"


def test_mask_follows_a_subpixel_shift() -> None:
    quad = quad_of(Axes(np.array([100.0, 95.0]), np.array([110.0, 0.0])))
    affine = quad_to_square(quad, 220)
    here = soft_mask(ellipse(), affine, 220)
    there = soft_mask(ellipse((100.25, 100)), affine, 220)
    x = np.arange(220) + 0.5
    shift = (there * x).sum() / there.sum() - (here * x).sum() / here.sum()
    assert shift == pytest.approx(0.25, abs=0.02)
