from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import InputError
from pipeline.stage import Context
from stages.artifacts import SourceClip
from stages.paired_clips import PairClips, PairedClips, read_pairs
from tests.media_fixtures import ffmpeg, moving_picture, probe, remux


def pair(a: Path, b: Path, start: float | None = None) -> PairedClips:
    clips = {"clip": SourceClip(a, "a"), "result": SourceClip(b, "b")}
    videos = {"video": probe(a, start), "result_video": probe(b)}
    return PairClips().run(**clips, **videos, context=Context(a.parent))


def test_frames_of_both_come_together_in_order(tmp_path: Path) -> None:
    a = moving_picture(tmp_path / "a.mp4", "-crf", "10", frames=6)
    b = moving_picture(tmp_path / "b.mkv", "-crf", "40", frames=6)
    assert pair(a, b) == PairedClips(6, 128, 96)
    found = list(read_pairs(a, probe(a), b, probe(b)))
    assert [p.index for p in found] == list(range(6))
    assert found[3].seconds == pytest.approx(3 / 25)
    for now in found:
        own = np.abs(now.before.astype(int) - now.after).mean()
        other = np.abs(now.before.astype(int) - found[(now.index + 3) % 6].after).mean()
        assert 0 < own < other


def test_a_part_begins_at_its_own_zero(tmp_path: Path) -> None:
    a = moving_picture(tmp_path / "a.mp4", frames=10)
    b = tmp_path / "b.mp4"
    ffmpeg("-i", a, "-vf", "select=gte(n\\,4),setpts=PTS-STARTPTS", "-crf", "10", b)
    assert pair(a, b, start=0.16).frames == 6
    with pytest.raises(InputError, match=r"b\.mp4 and a\.mp4 have 6 and 10 frames"):
        pair(a, b)


def test_another_size_is_refused(tmp_path: Path) -> None:
    a = moving_picture(tmp_path / "a.mp4", frames=3)
    b = moving_picture(tmp_path / "b.mp4", frames=3, size="96x128")
    with pytest.raises(InputError, match=r"different sizes \(96x128 and 128x96\)"):
        pair(a, b)


def test_other_times_are_refused_and_milliseconds_are_not(tmp_path: Path) -> None:
    a = moving_picture(tmp_path / "a.mp4", frames=6, rate="30000/1001")
    b = moving_picture(tmp_path / "b.mp4", frames=6, rate="24")
    with pytest.raises(InputError, match="show frame 1 at different times"):
        pair(a, b)
    assert pair(a, remux(a, tmp_path / "c.mkv")).frames == 6
