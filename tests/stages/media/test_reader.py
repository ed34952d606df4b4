"""Every frame under its own number and time, wherever reading starts."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.failure import InputError
from stages.media.reader import read_planes, read_rgb
from tests.media_fixtures import moving_picture, probe, remux

# Closed and open groups of pictures, one long group, and formats whose seeking differs.
KINDS = {
    "closed.mp4": ("libx264", ("-g", "12", "-bf", "2"), "yuv420p"),
    "open.mp4": ("libx264", ("-g", "10", "-bf", "3", "-x264-params", "open-gop=1"), "yuv420p"),
    "open.mkv": ("libx264", ("-g", "10", "-bf", "3", "-x264-params", "open-gop=1"), "yuv420p"),
    "long.mov": ("libx264", ("-g", "250"), "yuv420p"),
    "refresh.mkv": ("libx264", ("-g", "12", "-intra-refresh", "1"), "yuv420p"),
    "hevc10.mp4": ("libx265", ("-g", "12", "-x265-params", "log-level=error"), "yuv420p10le"),
    "vp9.webm": ("libvpx-vp9", ("-g", "12", "-deadline", "realtime"), "yuv444p"),
    "stream.ts": ("libx264", ("-g", "12", "-bf", "2"), "yuv422p"),
    "old.avi": ("mpeg4", ("-g", "12", "-q:v", "4"), "yuv420p"),
}


@pytest.mark.parametrize("name", KINDS)
def test_a_range_is_the_same_frames_as_the_whole(tmp_path: Path, name: str) -> None:
    codec, options, pix_fmt = KINDS[name]
    path = moving_picture(
        tmp_path / name, *options, codec=codec, pix_fmt=pix_fmt, frames=50, size="96x64"
    )
    video = probe(path)
    whole = list(read_planes(path, video))

    assert [f.index for f in whole] == list(range(50)) == list(range(video.frames))
    assert [f.pts for f in whole] == video.pts.tolist()
    for first, last, stride in [(0, 3, 1), (11, 14, 1), (12, 20, 3), (37, 50, 5), (49, 50, 1)]:
        part = list(read_planes(path, video, first, last, stride))
        assert [f.index for f in part] == list(range(first, last, stride))
        for frame in part:
            for a, b in zip(frame.planes, whole[frame.index].planes, strict=True):
                np.testing.assert_array_equal(a, b)


def test_planes_are_the_decoders_own(tmp_path: Path) -> None:
    """A width that decoders pad: the samples are those of PyAV's own export."""
    path = moving_picture(tmp_path / "o.webm", "-vf", "scale=99:65", codec="libvpx-vp9", frames=3)
    video = probe(path)
    with av.open(str(path)) as container:
        for frame, picture in zip(read_planes(path, video), container.decode(video=0), strict=True):
            gray = picture.reformat(format="gray").to_ndarray()
            assert [p.shape for p in frame.planes] == [(65, 99), (33, 50), (33, 50)]
            assert gray.shape == frame.planes[0].shape
            assert not frame.planes[0].flags.writeable
            expected = np.frombuffer(bytes(picture.planes[1]), np.uint8).reshape(33, -1)[:, :50]
            np.testing.assert_array_equal(frame.planes[1], expected)


def test_pictures_come_upright(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "flat.mp4", size="64x32", frames=2)
    turned = remux(path, tmp_path / "turned.mp4", before=("-display_rotation", "-90"))
    video = probe(turned)
    lying = next(read_rgb(path, probe(path)))

    assert (video.width, video.height, video.rotation) == (64, 32, 90)
    np.testing.assert_array_equal(next(read_rgb(turned, video)), np.rot90(lying, -1))


def test_a_trimmed_clip_starts_in_the_middle(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "c.mp4", "-g", "10", frames=40, size="64x48")
    whole, part = probe(path), probe(path, start=0.8, end=1.2)
    expected = list(read_rgb(path, whole))[20:30]

    assert (part.first_frame, part.frames) == (20, 10)
    np.testing.assert_array_equal(list(read_rgb(path, part)), expected)
    np.testing.assert_array_equal(list(read_rgb(path, part, 7, 9)), expected[7:9])


def test_another_file_under_the_same_name_is_noticed(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "c.mp4", frames=10)
    video = probe(path)
    moved = replace(video, pts=video.pts + 1)

    with pytest.raises(InputError, match=r"frame 0 \(at 0\.000 s\) did not decode again"):
        list(read_planes(path, moved))
    moving_picture(path, frames=6)
    with pytest.raises(InputError, match="frame 6"):
        list(read_planes(path, video))
    moving_picture(path, frames=10, size="64x64")
    with pytest.raises(InputError, match="changes to 64x64"):
        list(read_planes(path, video))


def test_a_range_outside_the_clip_is_a_bug_of_ours(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "c.mp4", frames=4)
    with pytest.raises(ValueError, match=r"frames \[2, 9\)"):
        list(read_planes(path, probe(path), 2, 9))
