"""What is found in a clip, and what is refused in which words."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.failure import InputError
from pipeline.stage import Context
from stages.artifacts import SourceClip
from stages.media.limits import Limits
from stages.probe import Probe
from tests.media_fixtures import moving_picture, probe, remux, with_sound

REAL = ["portrait_d18.mp4", "vfr_talking.mp4", "portrait_s18.mp4", "noface_unordered.mov"]


@pytest.mark.parametrize("name", REAL)
def test_times_are_those_of_the_decoded_frames(assets: Path, name: str) -> None:
    path = assets / "clips" / name
    with av.open(str(path)) as container:
        expected = [f.pts for f in container.decode(video=0)]

    assert probe(path).pts.tolist() == expected


def test_tags_sizes_and_bytes_are_found(assets: Path) -> None:
    video = probe(assets / "clips" / "noface_bt709_full_range.mp4")

    assert (video.width, video.height, video.frames) == (1280, 720, 30)
    assert (video.codec, video.pix_fmt, video.bit_depth) == ("h264", "yuvj420p", 8)
    assert (video.colour.matrix, video.colour.range, video.colour.chroma_location) == (1, 2, 1)
    assert (video.working_matrix, video.working_range) == ("bt709", "full")
    assert video.video_bytes == 585_090
    assert video.frame_rate == 30


def test_the_first_of_two_video_streams_is_edited(assets: Path) -> None:
    video = probe(assets / "clips" / "noface_two_video_two_audio.mp4")

    assert (video.stream_index, video.width, video.frames) == (0, 320, 325)


def test_damage_is_placed(assets: Path) -> None:
    """Frames before it decode; a user has to be told that the rest is gone."""
    with pytest.raises(
        InputError, match=r"is damaged: decoding stops after 28 frames, at 2\.700 s"
    ):
        probe(assets / "clips" / "noface_corrupted.mp4")


def test_a_file_cut_off_is_refused(tmp_path: Path) -> None:
    whole = with_sound(tmp_path / "a.mp4", "-movflags", "+faststart")
    part = tmp_path / "part.mp4"
    part.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])

    with pytest.raises(InputError, match=r"part\.mp4 is damaged: \d+ of its 30 pictures"):
        probe(part)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (None, None, (0, 25)),
        (0.2, None, (5, 25)),
        (None, 0.2, (0, 5)),
        (0.2, 0.4, (5, 10)),
        (0.21, 0.41, (6, 11)),
        (0.0, 99.0, (0, 25)),
    ],
)
@pytest.mark.parametrize("offset", ["0", "0.5"])
def test_a_trim_keeps_start_and_leaves_out_end(
    tmp_path: Path,
    start: float | None,
    end: float | None,
    expected: tuple[int, int],
    offset: str,
) -> None:
    """Times are those a player shows, which counts from the clip's own start."""
    path = moving_picture(tmp_path / "a.mp4", frames=25, size="64x48")
    late = remux(path, tmp_path / "b.mp4", before=("-itsoffset", offset))
    whole, video = probe(late), probe(late, start, end)
    first, last = expected

    assert (video.first_frame, video.first_frame + video.frames) == (first, last)
    np.testing.assert_array_equal(video.pts, whole.pts[first:last])
    assert video.video_bytes <= whole.video_bytes


def test_a_trim_outside_the_clip_says_where_frames_are(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", frames=25)

    with pytest.raises(InputError, match=r"no frame from 5 s to its end; .* 0\.000 s to 0\.960 s"):
        probe(path, start=5)


def test_an_edit_list_hides_frames(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", "-g", "50", frames=40, size="64x48")
    cut = remux(path, tmp_path / "b.mp4", before=("-ss", "0.4"))
    video = probe(cut)

    assert video.frames == 30
    assert video.pts[0] == 0


def test_uneven_times(tmp_path: Path) -> None:
    path = moving_picture(
        tmp_path / "a.mp4",
        *("-vf", "select='not(between(n,10,34))'", "-fps_mode", "vfr"),
        frames=20,
    )
    video = probe(path)

    assert video.frames == 20
    assert float(np.diff(video.seconds).max()) == pytest.approx(26 / 25)


def test_untagged_clips_go_by_their_height(tmp_path: Path) -> None:
    small = probe(moving_picture(tmp_path / "a.mp4", frames=1))
    large = probe(moving_picture(tmp_path / "b.mp4", frames=1, size="64x720"))

    assert (small.working_matrix, large.working_matrix) == ("bt601", "bt709")
    assert small.colour.matrix == large.colour.matrix == 2


@pytest.mark.parametrize(
    ("options", "pix_fmt", "sentence"),
    [
        (("-flags", "+ildct+ilme", "-x264opts", "tff=1"), "yuv420p", "is interlaced"),
        (
            ("-vf", "setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc"),
            "yuv420p10le",
            r"HDR, PQ \(SMPTE ST 2084\)",
        ),
        (("-vf", "setparams=color_trc=arib-std-b67"), "yuv420p10le", "HDR, HLG"),
        (("-c:v", "ffv1"), "gray", "pixel format gray is not one of"),
    ],
)
def test_what_would_come_out_wrong_is_refused(
    tmp_path: Path, options: tuple[str, ...], pix_fmt: str, sentence: str
) -> None:
    path = moving_picture(tmp_path / "a.mkv", *options, pix_fmt=pix_fmt, frames=4)

    with pytest.raises(InputError, match=sentence):
        probe(path)


def test_a_change_of_size_is_placed(tmp_path: Path) -> None:
    a = moving_picture(tmp_path / "a.ts", frames=5)
    b = moving_picture(tmp_path / "b.ts", "-output_ts_offset", "0.2", frames=5, size="64x64")
    both = tmp_path / "both.ts"
    both.write_bytes(a.read_bytes() + b.read_bytes())

    with pytest.raises(InputError, match="changes from 128x96 yuv420p to 64x64 yuv420p at frame 5"):
        probe(both)


def test_frame_limit(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", frames=9)
    clip = SourceClip(path=path, sha256="0")

    with pytest.raises(InputError, match="more than 8 frames, which is the limit"):
        Probe(limits=Limits(max_frames=8)).run(clip=clip, context=Context(scratch=tmp_path))


def test_a_single_frame_is_a_clip(tmp_path: Path) -> None:
    video = probe(moving_picture(tmp_path / "a.mp4", frames=1))

    assert video.frames == 1
    assert video.frame_rate == Fraction(25)


def test_limits_take_no_part_in_the_key() -> None:
    assert Probe(start=1.0, limits=Limits(max_frames=1)).model_dump() == {"start": 1.0, "end": None}
