"""Motions at other times, held or looped, and as few steps."""

import numpy as np
import pytest

from stages.motion_time import moments, principal, resampled

SECONDS = np.array([0, 0.1, 0.2, 0.3])
VALUES = np.array([[0.0], [1], [2], [3]])


def test_between_frames_it_is_linear_and_before_them_the_first() -> None:
    at = moments(SECONDS, np.array([-1, 0, 0.05, 0.25]), "hold")
    np.testing.assert_allclose(resampled(SECONDS, VALUES, at)[:, 0], [0, 0, 0.5, 2.5])


def test_a_shorter_motion_is_held() -> None:
    at = moments(SECONDS, np.array([0.3, 0.31, 7]), "hold")
    np.testing.assert_allclose(resampled(SECONDS, VALUES, at)[:, 0], [3, 3, 3])


def test_or_begins_again_a_frame_after_its_end() -> None:
    at = moments(SECONDS, np.array([0.3, 0.35, 0.4, 0.55, 4.1]), "loop")
    np.testing.assert_allclose(resampled(SECONDS, VALUES, at)[:, 0], [3, 1.5, 0, 1.5, 1], atol=1e-9)


def test_uneven_times_are_kept() -> None:
    seconds = np.array([0, 0.03, 0.1])
    found = resampled(seconds, np.array([[0.0], [3], [10]]), np.array([0.05, 0.08]))
    np.testing.assert_allclose(found[:, 0], [5, 8])


def test_few_steps_stand_for_a_motion() -> None:
    random = np.random.default_rng(0)
    true = random.normal(size=(2, 4, 16))
    course = random.normal(size=(30, 2))
    differences = np.tensordot(course, true, 1).astype(np.float32)
    steps, found = principal(differences, 64)
    assert steps.shape == (2, 4, 16) and found.shape == (30, 2)
    flat = steps.reshape(2, -1)
    np.testing.assert_allclose(flat @ flat.T, np.eye(2), atol=1e-5)
    np.testing.assert_allclose(np.tensordot(found, steps, 1), differences, atol=1e-4)


@pytest.mark.parametrize("most", [1, 3])
def test_no_more_steps_than_permitted_and_the_largest_first(most: int) -> None:
    random = np.random.default_rng(0)
    scales = np.array([8.0, 4, 2, 1, 0.5])[:, None]
    differences = np.float32(random.normal(size=(40, 5))) @ np.float32(scales * np.eye(5, 12))
    steps, course = principal(differences.reshape(40, 1, 12), most)
    assert len(steps) == course.shape[1] == most
    assert np.abs(steps[0, 0, 0]) > 0.95
    assert (np.diff(course.std(axis=0)) < 0).all()


def test_what_stands_still_has_no_steps() -> None:
    steps, course = principal(np.zeros((9, 2, 4), np.float32), 8)
    assert steps.shape == (0, 2, 4) and course.shape == (9, 0)
    assert resampled(np.arange(9.0), course, np.array([0.5])).shape == (1, 0)
