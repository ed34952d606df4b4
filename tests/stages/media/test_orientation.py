"""All eight ways of storing a picture, as arrays, as coordinates and as FFmpeg's matrix."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import InputError
from stages.artifacts import Video
from stages.media.orientation import (
    coded_to_upright,
    display_matrix,
    from_display_matrix,
    to_coded,
    to_upright,
    upright_to_coded,
)
from tests.media_fixtures import moving_picture, probe

EIGHT = [(rotation, flip) for rotation in (0, 90, 180, 270) for flip in (False, True)]


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return probe(moving_picture(tmp_path_factory.mktemp("v") / "v.mp4", size="12x8", frames=1))


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
def test_coordinates_follow_the_pixels(video: Video, rotation: int, flip: bool) -> None:
    turned = replace(video, rotation=rotation, flip=flip)
    coded = np.arange(8 * 12).reshape(8, 12)
    upright = to_upright(coded, turned)
    forward = coded_to_upright(turned)

    assert upright.shape[::-1] == turned.upright_size
    for row, column in [(0, 0), (0, 11), (7, 3), (5, 5)]:
        x, y = forward @ [column + 0.5, row + 0.5, 1.0]
        assert upright[int(y), int(x)] == coded[row, column]
        np.testing.assert_allclose(
            upright_to_coded(turned) @ [x, y, 1.0], [column + 0.5, row + 0.5]
        )
    np.testing.assert_array_equal(to_coded(upright, turned), coded)


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
def test_the_matrix_we_write_is_read_as_what_it_was(
    video: Video, rotation: int, flip: bool
) -> None:
    matrix = display_matrix(replace(video, rotation=rotation, flip=flip))
    if matrix is None:
        assert (rotation, flip) == (0, False)
    else:
        assert from_display_matrix(struct.pack("<9i", *matrix)) == (rotation, flip)


def test_a_slanted_picture_is_refused() -> None:
    slanted = struct.pack("<9i", 46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30)

    with pytest.raises(InputError, match="only turns by 0, 90, 180 or 270 degrees"):
        from_display_matrix(slanted)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_clockwise_is_what_a_phone_means(assets: Path, turn: int) -> None:
    """The files are named after the clockwise turn that makes them upright."""
    assert probe(assets / "clips" / f"noface_video_{turn}.mov").rotation == turn
