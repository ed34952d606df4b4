"""What of a face moves, and how much of it codes explain."""

import numpy as np
import pytest

from stages.artifacts import F32
from stages.face_motion import MEASURES, explained, measured


def mesh(opening: float, width: float, scale: float = 1.0, shift: float = 0.0) -> F32:
    """(468, 2) with the eyes 100 apart before scaling."""
    points = np.zeros((468, 2), np.float32)
    points[[33, 133]] = [[-65, 0], [-35, 0]]
    points[[362, 263]] = [[35, 0], [65, 0]]
    points[4] = [shift, 40]
    points[[13, 14]] = [[0, 80 - opening / 2], [0, 80 + opening / 2]]
    points[[61, 291]] = [[-width / 2, 80], [width / 2, 80]]
    return np.asarray(points * scale, np.float32)


def test_measures_are_in_distances_of_the_eyes() -> None:
    found = measured(np.stack([mesh(20, 60), mesh(20, 60, scale=3), mesh(0, 90, shift=32.5)]))
    assert tuple(MEASURES) == ("mouth", "smile", "yaw")
    np.testing.assert_allclose(found[0], [0.2, 0.6, 0], atol=1e-6)
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
    np.testing.assert_allclose(found[2], [0, 0.9, 26.565], atol=1e-3)


def test_the_course_is_the_codes_and_the_amount_the_landmarks() -> None:
    random = np.random.default_rng(0)
    course = np.concatenate([[0], np.sin(np.arange(1, 60) / 4)])
    seen = 0.3 + 0.2 * course + 0.01 * random.normal(size=60)
    found = explained(seen, 0.07 * course)
    np.testing.assert_allclose(found, 0.2 * course, atol=0.01)
    assert found[0] == 0
    assert np.corrcoef(found, course)[0, 1] == pytest.approx(1)


def test_what_codes_do_not_show_is_not_made_up() -> None:
    random = np.random.default_rng(0)
    noise = explained(random.normal(size=200), random.normal(size=200))
    assert noise.std() < 0.2
    assert not explained(np.arange(5.0), np.zeros(5)).any()
