"""Y'CbCr to R'G'B' against the standards' numbers and against FFmpeg's own conversion."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.failure import InputError
from stages.artifacts import Colour
from stages.media.colour import Matrix, Range, codes, working_matrix
from stages.media.reader import read_planes
from tests.media_fixtures import ffmpeg, moving_picture, probe


@pytest.mark.parametrize(
    ("matrix", "range_", "rgb", "expected"),
    [
        ("bt709", "limited", (0, 0, 0), (16, 128, 128)),
        ("bt709", "limited", (255, 255, 255), (235, 128, 128)),
        ("bt601", "limited", (255, 0, 0), (81, 90, 240)),
        ("bt709", "limited", (255, 0, 0), (63, 102, 240)),
        ("bt601", "limited", (0, 170, 0), (102, 79, 65)),
        ("bt709", "limited", (0, 170, 0), (120, 71, 60)),
        ("bt601", "full", (0, 0, 255), (29, 255.5, 107)),
        ("bt2020", "limited", (255, 255, 0), (222, 16, 137)),
    ],
)
def test_known_colours(
    matrix: Matrix, range_: Range, rgb: tuple[int, ...], expected: tuple[float, ...]
) -> None:
    found = codes(matrix, range_, 8)

    np.testing.assert_allclose(found.scale @ np.array(rgb) + found.offset, expected, atol=0.7)


def test_ten_bits_are_four_times_eight() -> None:
    eight, ten = codes("bt709", "limited", 8), codes("bt709", "limited", 10)

    np.testing.assert_allclose(ten.scale, 4 * eight.scale)
    np.testing.assert_allclose(ten.offset, 4 * eight.offset)


@pytest.mark.parametrize(("height", "expected"), [(576, "bt601"), (720, "bt709")])
def test_untagged_clips_go_by_their_height(height: int, expected: str) -> None:
    assert working_matrix(Colour(2, 2, 2, 0, 0), height) == expected


def test_a_matrix_we_do_not_know_is_refused() -> None:
    with pytest.raises(InputError, match="has the tag 8"):
        working_matrix(Colour(2, 2, 8, 0, 0), 720)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("range_", ["tv", "pc"])
def test_flat_colours_come_back_from_a_file(tmp_path: Path, matrix: str, range_: str) -> None:
    """FFmpeg paints and converts; we read. Chroma is flat, so only matrix and range matter."""
    path = tmp_path / "flat.mp4"
    convert = f"scale=out_color_matrix={matrix}:out_range={range_},format=yuv420p"
    ffmpeg(
        *(
            "-f",
            "lavfi",
            "-i",
            "color=0x20B4E0:size=64x64,format=gbrp",
            "-vf",
            convert,
            "-frames:v",
            "1",
        ),
        *("-colorspace", matrix, "-color_range", range_, "-c:v", "libx264", "-qp", "0", path),
    )
    video = probe(path)
    picture = next(iter(read_planes(path, video))).rgb()

    assert video.working_range == ("full" if range_ == "pc" else "limited")
    assert video.working_matrix == ("bt709" if matrix == "bt709" else "bt601")
    assert (
        np.abs(picture.reshape(-1, 3).mean(0) - [0x20, 0xB4, 0xE0]).max() < 2.2
    )  # a code of Cb is two of blue


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le", "yuv444p"])
def test_moving_pictures_agree_with_zimg(tmp_path: Path, pix_fmt: str) -> None:
    """The same conversion, with the same chroma sites, by an independent library."""
    path = moving_picture(tmp_path / "m.mp4", "-qp", "0", pix_fmt=pix_fmt, frames=2, size="96x64")
    raw = tmp_path / "m.rgb"
    exact = "zscale=matrixin=170m:rangein=limited:matrix=gbr:range=full:filter=bilinear"
    ffmpeg(
        "-i", path, "-vf", f"{exact}:chromalin=left,format=gbrp,format=rgb24", "-f", "rawvideo", raw
    )
    theirs = np.frombuffer(raw.read_bytes(), np.uint8).reshape(2, 64, 96, 3)
    ours = np.stack([f.rgb() for f in read_planes(path, probe(path))])
    difference = np.abs(ours.astype(int) - theirs)

    assert theirs.std() > 50
    assert difference.max() <= 1
