"""The final file against the source: what was not edited is the same, bit for bit and in time."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.failure import OutputRefused
from stages.artifacts import Video
from stages.media.container import check_container
from stages.media.mux import mux, time_shift
from stages.media.reader import read_planes
from stages.media.writer import VideoWriter
from tests.media_fixtures import (
    chapters,
    ffmpeg,
    moving_picture,
    payloads,
    probe,
    remux,
    seconds,
    subtitles,
    with_sound,
)

KINDS = ("audio", "subtitle", "data")


def through(
    source: Path, out: Path, start: float | None = None, end: float | None = None
) -> tuple[Video, Video]:
    """Decode, encode and mux without an edit; the probes of source and result."""
    video = probe(source, start, end)
    check_container(source, video, out.suffix)
    encoded = out.parent / "encoded.mp4"
    with VideoWriter(encoded, video, preset="veryfast") as writer:
        for frame in read_planes(source, video):
            writer.write(frame.planes)
    mux(source, video, encoded, out)
    return video, probe(out)


def assert_same(source: Path, out: Path, video: Video, written: Video) -> None:
    """Everything a user could miss."""
    assert seconds(written) == seconds(video)
    assert (written.rotation, written.flip) == (video.rotation, video.flip)
    assert (written.width, written.height) == (video.width, video.height)
    for kind in KINDS:
        assert payloads(out, kind) == payloads(source, kind), kind
    with av.open(str(source)) as a, av.open(str(out)) as b:
        assert [s.type for s in a.streams] == [s.type for s in b.streams]
        assert a.duration is not None
        assert b.duration is not None
        # MPEG-TS stores no duration; readers guess it from how the last sound was packed.
        assert abs(a.duration - b.duration) <= (1000 if out.suffix != ".ts" else 30_000)
        assert abs(a.start_time - b.start_time) <= 1
        assert [s.disposition for s in a.streams] == [s.disposition for s in b.streams]
        assert [s.language for s in a.streams] == [s.language for s in b.streams]


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sound tracks, subtitles, chapters and tags."""
    folder = tmp_path_factory.mktemp("rich")
    sound = with_sound(folder / "sound.mp4", tracks=2)
    path = folder / "rich.mp4"
    ffmpeg(
        *("-i", sound, "-i", subtitles(folder / "s.srt"), "-i", chapters(folder / "c.txt")),
        *("-map", "0", "-map", "1", "-map_metadata", "2", "-map_chapters", "2"),
        *("-c", "copy", "-c:s", "mov_text", "-metadata:s:s:0", "language=fra", path),
    )
    return path


def test_everything_comes_along(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    video, written = through(rich, out)

    assert_same(rich, out, video, written)
    assert len(payloads(out, "audio")) == 2
    assert len(payloads(out, "subtitle")) == 1
    with av.open(str(rich)) as a, av.open(str(out)) as b:
        assert b.metadata["title"] == "A title"
        assert b.metadata["comment"] == "As it was; edited with generative AI"
        assert [c["metadata"] for c in b.chapters()] == [{"title": "One"}, {"title": "Two"}]
        assert [c["start"] * (c["time_base"] or 0) for c in b.chapters()] == [
            c["start"] * (c["time_base"] or 0) for c in a.chapters()
        ]


def test_matroska_keeps_subrip_and_attachments(rich: Path, tmp_path: Path) -> None:
    source, out = tmp_path / "in.mkv", tmp_path / "out.mkv"
    note = tmp_path / "note.txt"
    note.write_text("a note")
    attach = ("-attach", note, "-metadata:s:t", "mimetype=text/plain")
    ffmpeg(
        "-i",
        rich,
        *("-map", "0:v", "-map", "0:a", "-map", "0:s", "-c", "copy"),
        *("-c:s", "srt"),
        *attach,
        source,
    )
    video, written = through(source, out)

    assert_same(source, out, video, written)
    with av.open(str(out)) as container:
        assert container.streams[-1].data == b"a note"  # type: ignore[attr-defined]
        assert container.metadata["COMMENT"] == "As it was; edited with generative AI"


@pytest.mark.parametrize("turn", ["90", "-90", "180"])
def test_a_turned_clip_stays_turned(rich: Path, tmp_path: Path, turn: str) -> None:
    source = remux(
        rich, tmp_path / "t.mp4", "-map", "0:v", "-map", "0:a", before=("-display_rotation", turn)
    )
    video, written = through(source, tmp_path / "out.mp4")

    assert video.rotation == {"90": 270, "-90": 90, "180": 180}[turn]
    assert_same(source, tmp_path / "out.mp4", video, written)


def test_a_mirrored_clip_stays_mirrored(rich: Path, tmp_path: Path) -> None:
    flip = ("-display_rotation", "90", "-display_hflip")
    source = remux(rich, tmp_path / "t.mp4", "-map", "0:v", before=flip)
    video, written = through(source, tmp_path / "out.mp4")

    assert video.flip
    assert_same(source, tmp_path / "out.mp4", video, written)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".ts"])
def test_a_start_offset_is_kept(rich: Path, tmp_path: Path, suffix: str) -> None:
    sound = ("-map", "0:v", "-map", "0:a:0")
    source = remux(rich, tmp_path / f"o{suffix}", *sound, before=("-itsoffset", "0.5003"))
    out = tmp_path / f"out{suffix}"
    video, written = through(source, out)

    assert float(video.seconds[0]) > 0.4
    assert_same(source, out, video, written)


def test_uneven_times_keep_every_frame_and_the_length(tmp_path: Path) -> None:
    uneven = "settb=1/90000,select='not(between(n,20,49))',setpts='PTS+mod(N,3)*357'"
    source = moving_picture(
        tmp_path / "u.mov",
        *("-vf", uneven, "-fps_mode", "vfr", "-enc_time_base", "1/90000", "-bf", "3"),
        rate="30",
        frames=33,
    )
    video, written = through(source, tmp_path / "out.mov")

    assert_same(source, tmp_path / "out.mov", video, written)


def test_a_time_code_track_is_kept(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "t.mov", "-timecode", "01:02:03:04", frames=10)
    video, written = through(source, tmp_path / "out.mov")

    assert len(payloads(source, "data")) == 1
    assert_same(source, tmp_path / "out.mov", video, written)


def test_other_video_streams_are_copied(assets: Path, tmp_path: Path) -> None:
    source = assets / "clips" / "noface_two_video_two_audio.mp4"
    out = tmp_path / "out.mp4"
    video, written = through(source, out)
    before, after = payloads(source, "video")[1], payloads(out, "video")[1]

    assert_same(source, out, video, written)
    assert before == after


@pytest.mark.parametrize("name", ["portrait_d18.mp4", "vfr_talking.mp4"])
def test_real_clips(assets: Path, tmp_path: Path, name: str) -> None:
    video, written = through(assets / "clips" / name, tmp_path / name)

    assert_same(assets / "clips" / name, tmp_path / name, video, written)
    assert written.colour == video.colour


def test_a_trim_takes_the_sound_that_belongs_to_it(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    video, written = through(rich, out, start=0.3, end=0.7)
    first, last = seconds(video)[0], seconds(video)[-1] + Fraction(1, 30)
    kept = [
        (time - first, digest)
        for time, digest in payloads(rich, "audio")[0]
        if time is not None and first <= time < last
    ]
    found = payloads(out, "audio")[0]

    assert (video.first_frame, video.frames) == (9, 12)
    assert time_shift(video) == first == Fraction(3, 10)
    assert seconds(written) == [t - first for t in seconds(video)]
    assert [d for _, d in found] == [d for _, d in kept]
    assert found[0][0] is not None
    assert abs(found[0][0] - kept[0][0]) < Fraction(1, 40_000)
    with av.open(str(out)) as container:
        assert [c["metadata"]["title"] for c in container.chapters()] == ["One", "Two"]


def test_the_beginning_alone_keeps_its_times(rich: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    video, written = through(rich, out, end=0.5)

    assert video.frames == 15
    assert seconds(written) == seconds(video)
    found = payloads(out, "audio")[0]
    assert found == payloads(rich, "audio")[0][: len(found)]
    assert 0.45 < float(found[-1][0] or 0) < 0.5


def test_unedited_planes_survive_the_whole_way(tmp_path: Path) -> None:
    """Lossless in between, so that any loss of ours would show."""
    source = moving_picture(tmp_path / "in.mp4", frames=6)
    video = probe(source)
    with VideoWriter(tmp_path / "e.mp4", video, crf=0) as writer:
        for frame in read_planes(source, video):
            writer.write(frame.planes)
    mux(source, video, tmp_path / "e.mp4", tmp_path / "out.mp4")
    out = probe(tmp_path / "out.mp4")

    for a, b in zip(
        read_planes(source, video), read_planes(tmp_path / "out.mp4", out), strict=True
    ):
        for x, y in zip(a.planes, b.planes, strict=True):
            np.testing.assert_array_equal(x, y)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    source = moving_picture(tmp_path / "in.mp4", frames=3)
    video = probe(source)
    with VideoWriter(tmp_path / "e.mp4", video) as writer:
        for frame in read_planes(source, video):
            writer.write(frame.planes)

    with pytest.raises(OutputRefused, match=r"out\.mp4 cannot be written: no such file"):
        mux(source, video, tmp_path / "e.mp4", tmp_path / "none" / "out.mp4")
