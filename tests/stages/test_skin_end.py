"""An edit ends on skin in the source's tone, and nowhere else."""

import numpy as np

from stages.skin_end import ends_on_skin

SIZE = 256
EVERYBODY = np.ones((SIZE, SIZE, 2), np.float32)


def shown_above(row: int) -> np.ndarray:
    alpha = np.zeros((SIZE, SIZE), np.float32)
    alpha[:row] = 1
    return alpha


def test_a_step_in_tone_goes_and_what_is_far_from_it_stays() -> None:
    change = np.full((SIZE, SIZE, 3), (12, 9, 6), np.float32)
    ended = ends_on_skin(change, shown_above(160), EVERYBODY)
    step = ended[159, 40:-40] / change[159, 40:-40]
    assert np.abs(step).max() < 0.15, "it would be seen"
    np.testing.assert_allclose(ended[:90], change[:90], atol=0.2)


def test_another_thing_beside_it_lends_no_tone() -> None:
    """A white collar that became skin, below half of the edge."""
    change = np.full((SIZE, SIZE, 3), 10, np.float32)
    change[160:, 128:] = (-90, -100, -110)
    ended = ends_on_skin(change, shown_above(160), EVERYBODY)
    assert (np.abs(ended[159, 30:-30]) < 12).all()
    assert (ended[159, 30:100] < 3).all()


def test_the_background_and_an_edit_of_nothing_stay_as_they_are() -> None:
    change = np.full((SIZE, SIZE, 3), 10, np.float32)
    alpha, people = shown_above(160), EVERYBODY.copy()
    people[:, :100] = 0
    people[:, 100:140, 1] = 0  # the person was there, and is gone
    ended = ends_on_skin(change, alpha, people)
    np.testing.assert_array_equal(ended[:, :138], change[:, :138])
    nothing = np.zeros_like(change)
    np.testing.assert_array_equal(ends_on_skin(nothing, alpha, EVERYBODY), nothing)
