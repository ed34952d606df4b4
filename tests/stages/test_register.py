"""Renders are brought to where the source has its features."""

import cv2
import numpy as np
import pytest

from stages.register import SIZE, register, registration


def texture(seed: int = 0) -> np.ndarray:
    """(SIZE + 64, SIZE + 64, 3) float32 of soft blobs."""
    noise = np.random.default_rng(seed).uniform(0, 255, (SIZE + 64, SIZE + 64, 3))
    soft = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 5)
    return np.clip((soft - soft.mean()) * 10 + 128, 0, 255)


def seen(right: int = 0, down: int = 0) -> np.ndarray:
    """A crop of it, its content moved to the right and down."""
    return np.ascontiguousarray(texture()[32 - down :, 32 - right :][:SIZE, :SIZE])


INNER = (slice(32, -32), slice(32, -32))


def test_what_is_elsewhere_in_the_inversion_is_found_whatever_its_colour() -> None:
    inverted = seen(4, -3) * np.array([0.7, 0.8, 1.0], np.float32) + 20
    along = registration(seen(), inverted).flow()
    np.testing.assert_allclose(along[INNER].mean(axis=(0, 1)), (4, -3), atol=0.3)
    found = register(inverted, inverted, *still(), along)
    gap = np.abs(found.inverted - (seen() * np.array([0.7, 0.8, 1.0]) + 20))[INNER].mean()
    assert gap < 0.25 * np.abs(inverted - (seen() * np.array([0.7, 0.8, 1.0]) + 20))[INNER].mean()


def still() -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((SIZE, SIZE, 2), np.float32), np.ones((SIZE, SIZE), np.float32)


def test_the_same_render_twice_stays_the_same_twice() -> None:
    inverted = seen(4)
    along = registration(seen(), inverted).flow()
    assert along.any()
    found = register(inverted, inverted.copy(), *still(), along)
    np.testing.assert_array_equal(found.inverted, found.edited)
    assert not found.flow.any() and (found.trust == 1).all()


def test_an_edit_takes_place_where_the_source_has_the_feature() -> None:
    """The inversion has it 4 to the right; the edit moves it 6 down."""
    inverted, edited = seen(4), seen(4, 6)
    flow = np.zeros((SIZE, SIZE, 2), np.float32)
    flow[..., 1] = -6  # what the edited render shows at p was 6 above
    along = np.zeros_like(flow)
    along[..., 0] = 4
    found = register(inverted, edited, flow, still()[1], along)
    np.testing.assert_allclose(found.inverted[INNER], seen()[INNER], atol=1e-3)
    np.testing.assert_allclose(found.edited[INNER], seen(0, 6)[INNER], atol=1e-3)
    np.testing.assert_array_equal(found.flow, flow)


def test_a_larger_render_is_warped_by_as_much_of_itself() -> None:
    double = cv2.resize(seen(4), (2 * SIZE, 2 * SIZE), interpolation=cv2.INTER_LINEAR)
    along = np.zeros((SIZE, SIZE, 2), np.float32)
    along[..., 0] = 4
    found = register(double, double, *still(), along).inverted
    assert found[100, 100] == pytest.approx(double[100, 108], abs=1e-3)


def test_nothing_is_moved_further_than_the_limit_and_nothing_flat_at_all() -> None:
    other = np.ascontiguousarray(texture(1)[:SIZE, :SIZE])
    found = registration(seen(), other)
    assert np.linalg.norm(found.flow(), axis=2).max() <= 16.001
    flat = np.full_like(other, 90)
    assert np.linalg.norm(registration(flat, flat).flow(), axis=2).max() < 0.1
