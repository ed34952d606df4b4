"""What an output cannot hold is found before any work, and named."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from pipeline.failure import OutputRefused
from stages.media.container import check_container
from tests.media_fixtures import ffmpeg, moving_picture, probe, subtitles, with_sound


def test_a_clip_fits_where_it_came_from(tmp_path: Path) -> None:
    path = with_sound(tmp_path / "a.mp4")

    assert check_container(path, probe(path), ".mp4").name == "libx264"
    assert check_container(path, probe(path), ".MOV").name == "libx264"


def test_a_stream_without_a_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    ffmpeg(
        *("-i", with_sound(tmp_path / "a.mp4"), "-i", subtitles(tmp_path / "s.srt")),
        *("-map", "0", "-map", "1", "-c:v", "copy", "-c:a", "copy", "-c:s", "srt"),
        *("-metadata:s:s:0", "language=deu", path),
    )

    with pytest.raises(
        OutputRefused,
        match=r"a \.mp4 file cannot hold stream 2 of the clip \(subtitle, \w+, language deu\)",
    ):
        check_container(path, probe(path), ".mp4")
    assert check_container(path, probe(path), ".mkv").name == "libx264"


def test_the_edited_video_itself_may_not_fit(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", "-video_track_timescale", "1000", frames=3)
    video = replace(probe(path), time_base=Fraction(1, 1000))

    with pytest.raises(OutputRefused, match=r"a \.webm file cannot hold h264 video"):
        check_container(path, video, ".webm")
    assert check_container(path, video, ".webm", "vp9").name == "libvpx-vp9"


def test_times_and_rotation_may_not_fit(tmp_path: Path) -> None:
    path = moving_picture(tmp_path / "a.mp4", rate="30", frames=3)
    video = probe(path)

    with pytest.raises(OutputRefused, match=r"a \.mkv file counts time in milliseconds"):
        check_container(path, video, ".mkv")
    with pytest.raises(OutputRefused, match=r"a \.ts file cannot say .* turned by 90 degrees"):
        check_container(path, replace(video, rotation=90), ".ts")


@pytest.mark.parametrize("suffix", [".gif", ".avi", ""])
def test_suffixes_we_do_not_write(tmp_path: Path, suffix: str) -> None:
    path = moving_picture(tmp_path / "a.mp4", frames=2)

    with pytest.raises(OutputRefused, match="suffix"):
        check_container(path, probe(path), suffix)
