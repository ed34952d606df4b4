"""What the encoder keeps: times, tags, shape and 42 dB; and what it may cost."""

import os
import subprocess
import sys
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from pipeline.failure import OutputRefused, UsageError
from stages.artifacts import Video
from stages.media.cut import stream_copy_cut
from stages.media.encoders import choose_encoder
from stages.media.reader import read_planes
from stages.media.writer import VideoWriter
from tests.media_fixtures import moving_picture, probe, psnr, remux, seconds

ROOT = Path(__file__).resolve().parents[3]
ODD = ("-vf", "scale=99:65")


def encode(source: Path, path: Path, codec: str | None = None) -> tuple[Video, Video, float]:
    """Write all planes of ``source`` as they are; the worst frame's worst plane in dB."""
    video = probe(source)
    with VideoWriter(path, video, codec) as writer:
        for frame in read_planes(source, video):
            writer.write(frame.planes)
    written = probe(path)
    pairs = zip(read_planes(source, video), read_planes(path, written), strict=True)
    worst = min(psnr(a.planes, b.planes, video.bit_depth) for a, b in pairs)
    return video, written, worst


@pytest.mark.parametrize(
    ("pix_fmt", "codec", "found"),
    [
        ("yuv420p", "libx264", "h264"),
        ("yuv422p", "libx264", "h264"),
        ("yuv444p10le", "libx264", "h264"),
        ("yuv420p10le", "libx265", "hevc"),
        ("yuv420p", "libvpx-vp9", "vp9"),
        ("yuv420p", "libsvtav1", "av1"),
        ("yuv420p", "mpeg4", "h264"),
    ],
)
def test_each_family_stays_itself(tmp_path: Path, pix_fmt: str, codec: str, found: str) -> None:
    options = ("-x265-params", "log-level=error") if codec == "libx265" else ()
    if codec == "mpeg4":
        options = ("-q:v", "2")
    source = moving_picture(
        tmp_path / "a.mp4", *options, pix_fmt=pix_fmt, codec=codec, frames=12, size="192x128"
    )
    video, written, worst = encode(source, tmp_path / "b.mp4")

    assert written.codec == found
    assert (written.pix_fmt, written.width, written.height) == (pix_fmt, 192, 128)
    assert seconds(written) == seconds(video)
    assert written.time_base == video.time_base
    assert worst > 42


def test_odd_sizes_go_to_an_encoder_that_takes_them(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "a.avi", *ODD, codec="mpeg4", frames=6)
    _, written, worst = encode(source, tmp_path / "b.mp4")

    assert (written.width, written.height, written.codec) == (99, 65, "vp9")
    assert worst > 36  # a test picture of 99x65 is all edges


@pytest.mark.parametrize(("matrix", "range_"), [("bt709", "pc"), ("smpte170m", "tv")])
def test_tags_and_shape_are_kept(tmp_path: Path, matrix: str, range_: str) -> None:
    tags = ("-colorspace", matrix, "-color_trc", matrix, "-color_primaries", matrix)
    source = moving_picture(
        tmp_path / "a.mp4",
        *("-vf", "setsar=4/3", *tags, "-color_range", range_),
        *("-chroma_sample_location", "topleft"),
        frames=5,
    )
    video, written, _ = encode(source, tmp_path / "b.mp4")

    assert video.colour.chroma_location == 3
    assert written.colour == video.colour
    assert written.working_range == video.working_range
    assert written.sample_aspect_ratio == video.sample_aspect_ratio == Fraction(4, 3)


@pytest.mark.parametrize("offset", ["0", "0.5", "1.4661"])
def test_uneven_times_and_offsets_are_kept(tmp_path: Path, offset: str) -> None:
    """A second without frames in the middle; reordered pictures; a start that is no millisecond."""
    path = moving_picture(
        tmp_path / "u.mp4",
        *("-vf", "settb=1/90000,select='not(between(n,10,39))',setpts='PTS+mod(N,3)*357'"),
        *("-fps_mode", "vfr", "-enc_time_base", "1/90000", "-bf", "3"),
        rate="30",
        frames=40,
    )
    moved = remux(path, tmp_path / "m.mp4", before=("-itsoffset", offset))
    video, written, _ = encode(moved, tmp_path / "b.mp4")
    gaps = {b - a for a, b in zip(video.pts[:-1], video.pts[1:], strict=True)}

    assert len(gaps) > 2
    assert video.frames == 40
    assert seconds(written) == seconds(video)


def test_hevc_has_the_tag_that_players_want(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "a.mp4", frames=3)
    encode(source, tmp_path / "b.mp4", "hevc")

    assert b"hvc1" in (tmp_path / "b.mp4").read_bytes()


def test_bytes_do_not_depend_on_what_memory_held(tmp_path: Path) -> None:
    """A process fills new memory with a pattern; an encoder that reads it gives other bytes."""
    source = moving_picture(tmp_path / "c.mp4", size="480x480", frames=24)
    encode = (
        "import sys; from pathlib import Path\n"
        "from stages.media.reader import read_planes\n"
        "from stages.media.writer import VideoWriter\n"
        "from tests.media_fixtures import probe\n"
        "source, target = map(Path, sys.argv[1:]); video = probe(source)\n"
        "with VideoWriter(target, video) as writer:\n"
        "    for frame in read_planes(source, video): writer.write(frame.planes)\n"
    )
    made = []
    for pattern in ("0", "85", "165"):
        target = tmp_path / f"{pattern}.mp4"
        subprocess.run(
            [sys.executable, "-c", encode, str(source), str(target)],
            check=True,
            cwd=ROOT,
            env={**os.environ, "MALLOC_PERTURB_": pattern},
        )
        made.append(target.read_bytes())
    assert made[0] == made[1] == made[2]


def test_wrong_wishes_are_named(tmp_path: Path) -> None:
    video = probe(moving_picture(tmp_path / "a.mp4", *ODD, codec="mpeg4", frames=2))

    with pytest.raises(UsageError, match="codec 'divx' is not one of av1, h264"):
        choose_encoder(video, "divx")
    with pytest.raises(OutputRefused, match="h264 cannot hold 99x65 yuv420p"):
        choose_encoder(video, "h264")
    with pytest.raises(UsageError, match=r"crf 99 is not in 0\.\.63"):
        VideoWriter(tmp_path / "b.mp4", video, crf=99)


def test_a_frame_too_few_is_noticed(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "a.mp4", frames=5)
    video = probe(source)

    writer = VideoWriter(tmp_path / "b.mp4", video)
    for frame in islice(read_planes(source, video), 4):
        writer.write(frame.planes)
    with pytest.raises(ValueError, match="4 of 5 frames were written"):
        writer.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "portrait_d18",
        "portrait_d0",
        "portrait_s18",
        "vfr_talking",
        "pexels_one_face",
        "pexels_two_faces",
        "portrait_d3",
    ],
)
def test_real_clips_keep_42_db_within_two_and_a_half_times_the_bytes(
    assets: Path, tmp_path: Path, name: str
) -> None:
    cut = tmp_path / "cut.mp4"
    stream_copy_cut(assets / "clips" / f"{name}.mp4", cut, 60)
    video, written, worst = encode(cut, tmp_path / "b.mp4")

    assert worst >= 42
    assert written.video_bytes <= 2.5 * video.video_bytes
