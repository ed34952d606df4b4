"""How far an edit of a face may go."""

import numpy as np
import pytest

from stages.direction_file import DirectionHeader
from stages.safe_range import safe_range

HEADER = DirectionHeader(
    name="smile", generator="tiny", rows=(0, 2), sigma=2.0, mean=1.0, made_by="a test",
    licence="none",
)  # fmt: skip
UNIT = np.eye(4, dtype=np.float32)[1]


def codes(*at: float) -> np.ndarray:
    """(n, 3, 4) faces at these sigmas from mu; row 1, on which nothing acts, lies elsewhere."""
    found = np.zeros((len(at), 3, 4), np.float32)
    found[:, [0, 2], 1] = 1.0 + 2.0 * np.array(at)[:, None]
    found[:, 1, 1] = 50
    return found


def test_the_range_is_the_distance_to_three_sigmas_on_either_side() -> None:
    found = safe_range(HEADER, UNIT, codes(1.0))
    assert (found.at, found.low, found.high) == pytest.approx((1, -4, 2))


def test_every_frame_of_a_face_stays_inside() -> None:
    found = safe_range(HEADER, UNIT, codes(-0.5, 1.0))
    assert (found.low, found.high) == pytest.approx((-2.5, 2))


def test_a_face_that_is_beyond_one_end_moves_only_back() -> None:
    found = safe_range(HEADER, UNIT, codes(3.5))
    assert found.high == 0 and found.low == pytest.approx(-6.5)
    assert found.clamp(2) == 0 and found.clamp(-1) == -1
    assert not found.holds(0.1) and found.holds(-6)


def test_clamping_stops_at_the_ends() -> None:
    found = safe_range(HEADER, UNIT, codes(0.0))
    assert (found.clamp(5), found.clamp(-5), found.clamp(1.5)) == pytest.approx((3, -3, 1.5))
