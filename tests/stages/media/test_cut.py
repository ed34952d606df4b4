"""A cut is the beginning of the clip, packet by packet."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from stages.media.cut import stream_copy_cut
from stages.media.reader import read_planes
from tests.media_fixtures import payloads, probe, remux, seconds, with_sound


@pytest.mark.parametrize("frames", [1, 7, 20, 500])
def test_the_first_frames_shown_and_nothing_else(tmp_path: Path, frames: int) -> None:
    source, cut = with_sound(tmp_path / "a.mp4"), tmp_path / "cut.mp4"
    count = stream_copy_cut(source, cut, frames)
    video, part = probe(source), probe(cut)

    assert min(frames, 30) - 4 < count <= frames
    assert part.frames == count
    assert seconds(part) == seconds(video)[:count]
    whole = read_planes(source, video, 0, count)
    for a, b in zip(whole, read_planes(cut, part), strict=True):
        np.testing.assert_array_equal(a.planes[0], b.planes[0])
    assert set(payloads(cut, "video")[0]) <= set(payloads(source, "video")[0])


def test_sound_ends_with_the_last_frame(tmp_path: Path) -> None:
    source, cut = with_sound(tmp_path / "a.mp4", tracks=2), tmp_path / "cut.mp4"
    count = stream_copy_cut(source, cut, 15)

    for before, after in zip(payloads(source, "audio"), payloads(cut, "audio"), strict=True):
        end = Fraction(count, 30)
        assert after == [p for p in before if p[0] is not None and p[0] < end]


def test_rotation_and_offset_come_along(tmp_path: Path) -> None:
    source = with_sound(tmp_path / "a.mp4")
    turned = remux(source, tmp_path / "t.mp4", before=("-display_rotation", "90"))
    late = remux(turned, tmp_path / "l.mp4", before=("-itsoffset", "0.5"))
    count = stream_copy_cut(late, tmp_path / "cut.mp4", 10)
    video, part = probe(late), probe(tmp_path / "cut.mp4")

    assert part.rotation == video.rotation == 270
    assert seconds(part) == seconds(video)[:count]
    assert seconds(part)[0] > Fraction(1, 2) - Fraction(1, 10)
