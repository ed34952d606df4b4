"""Source and result beside each other, in every orientation."""

from pathlib import Path

import numpy as np
import pytest

from stages.artifacts import Video
from stages.media.orientation import to_coded, to_upright
from stages.media.planes import Planes
from stages.media.reader import read_planes
from stages.media.side_by_side import beside, double
from stages.media.writer import VideoWriter
from tests.media_fixtures import moving_picture, probe
from tests.stages import tiny

EIGHT = [(rotation, flip) for rotation in (0, 90, 180, 270) for flip in (False, True)]


def planes_of(upright: np.ndarray, video: Video) -> Planes:
    """Luma in coded orientation, chroma (4:2:0) as every other sample of it."""
    coded = to_coded(upright, video)
    small = np.ascontiguousarray(coded[::2, ::2])
    return coded, small, small + 1


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
def test_the_viewer_sees_the_source_on_the_left(rotation: int, flip: bool) -> None:
    video = tiny.video(size=(12, 8), rotation=rotation, flip=flip, pix_fmt="yuv420p")
    width, height = video.upright_size
    left = np.arange(width * height, dtype=np.uint8).reshape(height, width)
    right = left + 100
    both = double(video)
    joined = beside(planes_of(left, video), planes_of(right, video), video)

    assert both.upright_size == (2 * width, height)
    assert (both.rotation, both.flip) == (rotation, flip)
    assert joined[0].shape == (both.height, both.width)
    assert joined[1].shape == joined[2].shape == (both.height // 2, both.width // 2)
    assert joined[0].dtype == np.uint8
    shown = to_upright(joined[0], both)
    np.testing.assert_array_equal(shown[:, :width], left)
    np.testing.assert_array_equal(shown[:, width:], right)
    for plane, source, result in zip(
        joined[1:], planes_of(left, video)[1:], planes_of(right, video)[1:], strict=True
    ):
        turned = to_upright(plane, both)
        np.testing.assert_array_equal(turned[:, : width // 2], to_upright(source, video))
        np.testing.assert_array_equal(turned[:, width // 2 :], to_upright(result, video))


def test_ten_bits_stay_ten_bits() -> None:
    video = tiny.video(size=(12, 8), pix_fmt="yuv420p10le")
    plane = np.full((8, 12), 1000, np.uint16)
    joined = beside((plane, plane, plane), (plane, plane, plane), video)
    assert joined[0].dtype == np.uint16 and joined[0].max() == 1000


def test_the_encoder_takes_what_is_joined(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "s.mp4", size="64x48", frames=3)
    video = probe(source)
    with VideoWriter(tmp_path / "b.mp4", double(video), preset="ultrafast") as writer:
        for frame in read_planes(source, video):
            writer.write(beside(frame.planes, frame.planes, video))
    written = probe(tmp_path / "b.mp4")
    assert written.upright_size == (128, 48) and written.frames == 3


def test_an_odd_picture_can_be_joined_and_written(tmp_path: Path) -> None:
    """Twice an odd width needs one chroma column less than two pictures have."""
    source = moving_picture(
        tmp_path / "s.webm",
        *("-deadline", "realtime", "-vf", "scale=63:47"),
        frames=2,
        codec="libvpx-vp9",
    )
    video = probe(source)
    assert video.upright_size == (63, 47)
    with VideoWriter(tmp_path / "b.mp4", double(video)) as writer:
        for frame in read_planes(source, video):
            writer.write(beside(frame.planes, frame.planes, video))
    assert probe(tmp_path / "b.mp4").upright_size == (126, 47)
