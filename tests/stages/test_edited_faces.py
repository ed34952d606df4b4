"""How far an edit reaches beyond the head."""

import numpy as np

from stages.edited_faces import reach


def test_a_strong_change_beside_the_head_is_shown_and_a_tint_is_not() -> None:
    head = np.zeros((96, 96), np.float32)
    head[:, :32] = 1
    around = np.zeros((96, 96), np.float32)
    around[:, :80] = 1
    change = np.full((96, 96, 3), 8, np.float32)
    change[:, 20:60] = (-60, 40, 50)
    change[:, 50] = 0  # the old jaw's edge, by chance like what is shown there now
    alpha = reach(head, around, change)

    assert (alpha[6:-6, 6:32] == 1).all()
    assert (alpha[6:-6, 36:56] > 0.99).all(), "the old jaw would stay"
    assert (alpha[:, 68:80] == 0).all(), "a halo"
    assert (alpha[:, 80:] == 0).all()


def test_it_never_reaches_out_of_the_mask() -> None:
    change = np.full((64, 64, 3), 90, np.float32)
    nothing = np.zeros((64, 64), np.float32)
    assert (reach(nothing, nothing, change) == 0).all()


def test_it_ends_before_the_crop_does() -> None:
    change = np.full((64, 64, 3), 90, np.float32)
    whole = np.ones((64, 64), np.float32)
    alpha = reach(whole, whole, change)
    border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
    assert (border < 0.05).all(), "a line across a neck"
    assert (alpha[4:-4, 4:-4] == 1).all()
