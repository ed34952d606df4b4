"""Whose faces ``--face like:`` means. The other selectors: test_align."""

import numpy as np
import pytest

from pipeline.failure import NothingToEdit, UsageError
from stages.artifacts import Likeness, Shots
from stages.face_choice import check_choice, chosen_tracks
from tests.stages import tiny

SHOTS = Shots(np.array([[0, 10], [10, 20]], np.int32))
SPANS = {0: range(10), 1: range(10), 2: range(10, 16), 3: range(14, 20), 4: range(16, 20)}


def chosen(text: str, *cosines: tuple[float, ...]) -> list[int]:
    found = np.array(cosines, np.float32).T
    tracks = tiny.followed(*SPANS.items())
    return chosen_tracks(text, tracks, SHOTS, Likeness(np.arange(5, dtype=np.int32), found, 0.45))


def test_a_person_is_followed_over_cuts_and_out_of_sight() -> None:
    assert chosen("like:a.jpg", (0.1, 0.55, 0.55, 0.2, 0.55)) == [1, 2, 4]


def test_nobody_is_in_a_frame_twice() -> None:
    assert chosen("like:a.jpg", (0.6, 0.7, 0.5, 0.8, 0.5)) == [1, 3]


def test_each_photograph_has_its_column_and_other_selectors_stay() -> None:
    a, b = (0.9, 0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.9, 0.0)
    assert chosen("like:a.jpg", a, b) == [0]
    assert chosen("like:a.jpg,like:b.jpg", a, b) == [0, 3]
    assert chosen("like:a.jpg,track:2", a, b) == [0, 2]


def test_where_nobody_is_alike_it_says_how_near_it_was() -> None:
    with pytest.raises(NothingToEdit, match=r"like:a.jpg: .* track 2, has a cosine of 0.31, and"):
        chosen("like:a.jpg", (0.1, 0.2, 0.31, 0.2, -0.4))


def test_elsewhere_photographs_are_refused() -> None:
    assert check_choice("track:1,like:a.jpg", photographs=True)
    with pytest.raises(UsageError, match="chosen by a photograph in run and batch"):
        check_choice("like:a.jpg")
