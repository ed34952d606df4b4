"""Frames wait for their patches, and runs of a face end where they end."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from stages.artifacts import Alignment
from stages.composite import Patch
from stages.media.reader import Frame
from stages.steadied import FrameLine, last_rows


@dataclass(frozen=True)
class Numbered:
    """What the line looks at of a frame."""

    index: int


def frame(index: int) -> Frame:
    return cast(Frame, Numbered(index))


def patch() -> Patch:
    return Patch(np.zeros((4, 2)), np.zeros((36, 2), np.float32), np.zeros((8, 8, 3), np.float32))


def test_frames_come_in_order_and_whole() -> None:
    line = FrameLine({1: [0], 2: [1, 2]})
    line.add([frame(i) for i in range(4)])
    assert [f.index for f, _ in line.whole()] == [0]
    line.give(2, patch())
    assert not list(line.whole())
    line.give(1, patch())
    assert [(f.index, len(p)) for f, p in line.whole()] == [(1, 1)]
    line.give(2, patch())
    assert [(f.index, len(p)) for f, p in line.whole()] == [(2, 2), (3, 0)]


def test_a_run_ends_with_its_track_at_a_gap_and_where_no_edit_is_shown() -> None:
    track, at = [0, 0, 0, 0, 1, 1], [3, 4, 6, 7, 5, 6]
    alignment = Alignment(
        track=np.array(track, np.int32),
        frame=np.array(at, np.int32),
        quad=np.zeros((6, 4, 2)),
        outline=np.zeros((6, 36, 2), np.float32),
        weight=np.ones(6, np.float32),
    )
    assert last_rows(alignment, list(range(6))) == {1, 3, 5}
    assert last_rows(alignment, [0, 2, 3, 4]) == {0, 3, 4}
