"""What an edit may show of what is behind a person, against the formula and flat backgrounds."""

import numpy as np
import pytest

from stages.artifacts import F32
from stages.matte import kept_behind, mattes, plate

SIZE = 256
NONE = np.zeros((SIZE, SIZE), np.float32)


def disc(radius: float) -> F32:
    """(s, s) 1 within a circle about the middle."""
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5 - SIZE / 2
    return (np.hypot(x, y) < radius).astype(np.float32)


@pytest.fixture
def source() -> F32:
    """Somebody, a disc of noise, before a wall that gets lighter to the right and is not grey."""
    random = np.random.default_rng(0)
    wall = np.linspace(60, 160, SIZE)[None, :, None] * np.array([0.3, 1.0, 0.6])
    wall = np.repeat(wall, SIZE, axis=0)
    someone = random.uniform(100, 250, (SIZE, SIZE, 3))
    return np.where(disc(50)[..., None] > 0, someone, wall).astype(np.float32)


@pytest.fixture
def change() -> F32:
    """Of everything, as a generator does it."""
    return np.random.default_rng(1).normal(20, 10, (SIZE, SIZE, 3)).astype(np.float32)


def test_the_wall_stays_and_the_person_changes(source: F32, change: F32) -> None:
    same = np.stack([disc(50), disc(50)], axis=2)
    kept = kept_behind(change, source, same, NONE)
    np.testing.assert_allclose(kept[disc(46) > 0], change[disc(46) > 0], atol=0.01)
    assert not kept[disc(62) == 0].any()


def test_where_somebody_became_narrower_the_wall_goes_on(source: F32, change: F32) -> None:
    kept = kept_behind(change, source, np.stack([disc(50), disc(40)], axis=2), NONE)
    shown = source + kept
    wall = np.linspace(60, 160, SIZE)[None, :, None] * np.array([0.3, 1.0, 0.6])
    bared = (disc(49) > 0) & (disc(46) == 0)
    assert np.abs((shown - wall)[bared]).max() < 12
    assert np.abs((source - wall)[bared]).mean() > 60, "there was somebody"
    np.testing.assert_allclose(kept[disc(36) > 0], change[disc(36) > 0], atol=0.01)


def test_clothes_beside_the_jaw_stay_and_hair_beside_the_temples_goes(
    source: F32, change: F32
) -> None:
    collar, hair = np.zeros((2, SIZE, SIZE), np.float32)
    collar[150:200, 190:220] = 1
    hair[70:110, 190:220] = 1
    was = np.maximum(disc(50), np.maximum(collar, hair))
    kept = kept_behind(change, source, np.stack([was, disc(50)], axis=2), disc(48))
    assert not kept[collar > 0].any()
    assert kept[90, 200].any()


def test_where_somebody_became_wider_the_edit_is_shown(source: F32, change: F32) -> None:
    kept = kept_behind(change, source, np.stack([disc(50), disc(60)], axis=2), NONE)
    np.testing.assert_allclose(kept[disc(56) > 0], change[disc(56) > 0], atol=0.01)


def test_the_face_is_shown_whatever_the_mattes_say(source: F32, change: F32) -> None:
    """And an edge of it as its alpha has it, between the edit and what was there."""
    kept = kept_behind(change, source, np.stack([NONE, NONE], axis=2), 0.5 * disc(20))
    np.testing.assert_allclose(kept, 0.5 * disc(20)[..., None] * change, atol=1e-4)


def test_no_change_stays_none(source: F32) -> None:
    """Also where the mattes of one and the same picture differ a little, as an average of them."""
    near = np.stack([0.9 * disc(50), 0.75 * disc(50)], axis=2)
    assert not kept_behind(np.zeros_like(source), source, near, NONE).any()


def test_a_plate_keeps_what_is_background_and_needs_none(source: F32) -> None:
    found = plate(source, 1 - disc(60))
    np.testing.assert_allclose(found[disc(60) == 0], source[disc(60) == 0], atol=1e-4)
    assert np.isfinite(plate(source, NONE)).all()
    flat = np.full((SIZE, SIZE, 3), (10, 200, 90), np.float32)
    flat[disc(60) > 0] = 255
    assert np.abs(plate(flat, 1 - disc(62)) - (10, 200, 90)).max() < 25


def test_the_mattes_are_of_the_source_and_of_the_edit(source: F32) -> None:
    def bright(picture: F32) -> F32:
        return np.full((16, 16), picture.mean() / 255, np.float32)

    both = mattes(bright, source, source / 2)
    assert both.shape == (256, 256, 2)
    np.testing.assert_allclose(both[..., 1], both[..., 0] / 2, rtol=1e-4)
