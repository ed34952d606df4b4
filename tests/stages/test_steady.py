"""The recursive average along the source's flow."""

import cv2
import numpy as np
import pytest

from stages.metrics.warp_error import Motion
from stages.steady import SourceMotion, SteadyAhead, SteadyChange, SteadyFlow, settled


def crop(shift: int = 0) -> np.ndarray:
    """(256, 256, 3) float32 of blurred noise, moved to the right."""
    import cv2

    noise = np.random.default_rng(0).uniform(0, 255, (300, 300, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 4)
    wide = (smooth - smooth.mean()) * 8 + 128
    return np.ascontiguousarray(np.clip(wide[20:276, 20 - shift : 276 - shift], 0, 255))


def still() -> Motion:
    """No motion, all of it visible."""
    return Motion(np.zeros((256, 256, 2), np.float32), np.ones((256, 256), bool))


def test_no_change_stays_no_change() -> None:
    steady, motion = SteadyChange(0.9), SourceMotion()
    nothing = np.zeros((256, 256, 3), np.float32)
    for frame in range(3):
        along = motion(0, frame, crop(frame))
        assert not steady(0, nothing, along and along[0]).any()


def test_flicker_is_averaged_where_nothing_moves() -> None:
    steady = SteadyChange(0.8)
    shown = [
        steady(0, np.full((256, 256, 3), 10.0 * (i % 2), np.float32), still()).mean()
        for i in range(20)
    ]
    assert np.ptp(shown[-4:]) < 2.5


def test_a_change_moves_with_the_source_there_and_back() -> None:
    motion = SourceMotion()
    mark = np.zeros((256, 256, 3), np.float32)
    mark[100:140, 100:140] = 50
    assert motion(0, 0, crop()) is None
    along = motion(0, 1, crop(6))
    assert along is not None
    steady = SteadyChange(0.8)
    steady(0, mark, None)
    assert abs(middle(steady(0, np.zeros_like(mark), along[0])) - (119.5 + 6)) < 1.5
    ahead: SteadyAhead[int] = SteadyAhead(0.8, 1)
    ahead(0, np.zeros_like(mark), 0, None, last=False)
    ((_, found), _) = ahead(0, mark, 1, along[1], last=True)
    assert abs(middle(found) - (119.5 - 6)) < 1.5


def middle(change: np.ndarray) -> float:
    """Of the columns that are changed."""
    columns = change[..., 0].sum(axis=0)
    return float(np.flatnonzero(columns > columns.max() / 2).mean())


def test_tracks_and_gaps_do_not_mix() -> None:
    motion, steady = SourceMotion(), SteadyChange(0.8)
    motion(0, 0, crop())
    assert motion(1, 1, crop()) is None, "another face"
    assert motion(0, 2, crop()) is None, "a frame is missing"
    assert motion(0, 3, crop()) is not None
    full, nothing = np.full((256, 256, 3), 9, np.float32), np.zeros((256, 256, 3), np.float32)
    steady(0, full, None)
    assert not steady(1, nothing, still()).any()
    assert not steady(0, nothing, None).any()


def test_the_flow_of_an_edit_is_averaged_over_consecutive_frames_of_a_track() -> None:
    steady = SteadyFlow(0.75)
    one, trust = np.ones((4, 4, 2), np.float32), np.ones((4, 4), np.float32)
    np.testing.assert_array_equal(steady(0, 3, one, trust)[0], one)
    flow, kept = steady(0, 4, 5 * one, 0 * trust)
    np.testing.assert_allclose(flow, 2)
    np.testing.assert_allclose(kept, 0.75)
    np.testing.assert_allclose(steady(1, 5, 5 * one, trust)[0], 5, err_msg="another face")
    np.testing.assert_allclose(steady(0, 6, 5 * one, trust)[0], 5, err_msg="a frame is missing")


def test_no_motion_stays_none() -> None:
    steady = SteadyFlow(0.85)
    none, trust = np.zeros((4, 4, 2), np.float32), np.ones((4, 4), np.float32)
    for frame in range(3):
        flow, kept = steady(0, frame, none, trust)
        assert not flow.any() and (kept == 1).all()


def test_what_a_change_of_strength_adds_is_neither_averaged_nor_forgotten() -> None:
    steady, one = SteadyChange(0.9), np.ones((256, 256, 3), np.float32)
    steady(0, 10 * one, None)
    # As strong as before it would be 10 again; it is asked to be 30 from here on.
    assert steady(0, 10 * one, still()).mean() == pytest.approx(10, abs=1e-4)
    assert steady.move(0, 10 * one, 30 * one, 1).mean() == pytest.approx(30, abs=1e-4)
    assert steady(0, 30 * one, still()).mean() == pytest.approx(30, abs=1e-4)
    unsteady = SteadyChange(0)
    unsteady(0, 10 * one, None)
    assert unsteady.move(0, 10 * one, 15 * one, 1).mean() == pytest.approx(15)


def test_noise_is_kept_by_a_growing_edit_and_goes_with_a_vanishing_one() -> None:
    one = np.ones((256, 256, 3), np.float32)
    for share, left in ((1.0, 9.0), (0.5, 4.5), (0.0, 0.0)):
        steady = SteadyChange(0.9)
        steady(0, 20 * one, None)
        assert steady(0, 10 * one, still()).mean() == pytest.approx(19, abs=1e-4)
        assert steady.move(0, 10 * one, 5 * one, share).mean() == pytest.approx(5 + left, abs=1e-4)


def test_the_flow_of_an_edit_follows_its_strength_at_once() -> None:
    steady, one, trust = SteadyFlow(0.9), np.ones((4, 4, 2), np.float32), np.ones((4, 4))
    trust = trust.astype(np.float32)
    steady(0, 0, one, trust)
    steady(0, 1, one, trust)
    flow, kept = steady.move(0, (one, trust), (3 * one, 0.5 * trust), 1)
    np.testing.assert_allclose(flow, 3)
    np.testing.assert_allclose(kept, 0.5)
    np.testing.assert_allclose(steady(0, 2, 3 * one, 0.5 * trust)[0], 3, rtol=1e-6)
    assert steady.move(0, (one, trust), (one, 0 * trust), 1)[1].min() == 0


def ahead(changes: list[float], share: float, frames: int, cut: int | None = None) -> list[float]:
    """Mean change that is given out for each frame of a still clip."""
    steady: SteadyAhead[int] = SteadyAhead(share, frames)
    out: list[tuple[int, np.ndarray]] = []
    for i, each in enumerate(changes):
        change = np.full((256, 256, 3), each, np.float32)
        forth = None if i == cut else still()
        out += steady(0, change, i, forth, last=i == len(changes) - 1)
    assert [i for i, _ in out] == list(range(len(changes)))
    return [float(change.mean()) for _, change in out]


def test_the_average_from_ahead_is_the_recursion_from_the_last_frame_that_is_known() -> None:
    changes = [3.0, 1.0, 4.0, 1.0, 5.0]
    found = ahead(changes, 0.6, 2)
    for t, got in enumerate(found):
        wanted = changes[min(t + 2, 4)]
        for s in range(min(t + 2, 4) - 1, t - 1, -1):
            wanted = 0.4 * changes[s] + 0.6 * wanted
        assert got == pytest.approx(wanted, abs=1e-3)


def test_forwards_and_backwards_there_is_no_delay() -> None:
    steps = [0.0] * 20 + [10.0] * 20
    forwards = SteadyChange(0.8)
    late = [forwards(0, np.full((256, 256, 3), x, np.float32), still()).mean() for x in steps]
    both = ahead([float(x) for x in late], 0.8, 12)
    assert late[20] < 2.5
    assert (both[19] + both[20]) / 2 == pytest.approx(5, abs=0.5)
    assert both[19] < both[20]


def test_the_chain_is_cut_where_the_strength_varies() -> None:
    found = ahead([1.0, 1.0, 9.0, 9.0], 0.8, 3, cut=2)
    assert found == pytest.approx([1, 1, 9, 9], abs=1e-4)


def test_without_a_share_nothing_waits() -> None:
    steady: SteadyAhead[str] = SteadyAhead(0, 8)
    change = np.ones((256, 256, 3), np.float32)
    ((item, found),) = steady(0, change, "a", still(), last=False)
    assert item == "a" and (found == change).all()


def test_tracks_wait_apart() -> None:
    steady: SteadyAhead[str] = SteadyAhead(0.8, 4)
    full, nothing = np.full((256, 256, 3), 9, np.float32), np.zeros((256, 256, 3), np.float32)
    assert not steady(0, full, "a", None, last=False)
    ((item, found),) = steady(1, nothing, "b", None, last=True)
    assert item == "b" and not found.any()
    ((item, found),) = steady(0, full, "c", still(), last=True)[:1]
    assert item == "a" and found.mean() == pytest.approx(9, abs=1e-4)


def face_and_background() -> np.ndarray:
    """(256, 256, 3) uint8: one thing on the left, another on the right."""
    picture = np.full((256, 256, 3), 180, np.uint8)
    picture[:, :128] = (150, 90, 80)
    return picture


def test_what_changes_nothing_settles_to_nothing() -> None:
    source = face_and_background()
    blurred = cv2.GaussianBlur(source.astype(np.float32), (0, 0), 3)
    averaged = np.concatenate((np.zeros_like(blurred), blurred), axis=2)
    assert not settled(averaged, source).any()


def test_a_contour_that_goes_leaves_no_line() -> None:
    """The edit puts the background where the face was; its average does so a little blurred."""
    source = face_and_background()
    own = source.astype(np.float32)
    wanted = np.full_like(own, 180)
    averaged = cv2.GaussianBlur(wanted - own, (0, 0), 1.5)
    of_source = cv2.GaussianBlur(own, (0, 0), 1.5)
    plain = np.abs(own + averaged - wanted).max()
    found = own + settled(np.concatenate((averaged, of_source), axis=2), source)
    assert plain > 15, "without it there is a line"
    assert np.abs(found - wanted).max() < 0.25 * plain


def test_a_contour_that_stays_keeps_its_own_sharpness() -> None:
    source = face_and_background()
    own = source.astype(np.float32)
    darker = np.full_like(own, -20)
    blurred = cv2.GaussianBlur(own, (0, 0), 3)
    found = settled(np.concatenate((darker, blurred), axis=2), source)
    np.testing.assert_allclose(found, darker, atol=1e-3)
