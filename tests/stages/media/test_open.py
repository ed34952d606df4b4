"""Files from outside: what is opened, what is refused, and in which words."""

from pathlib import Path

import pytest

from pipeline.failure import InputError
from stages.media.limits import Limits
from stages.media.open import edited_stream, open_clip
from tests.media_fixtures import ffmpeg, moving_picture, probe, remux


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return moving_picture(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=5)


@pytest.mark.parametrize("name", ["-x.mp4", "a'b/%03d [1] ü.mp4", "file:x.mp4", "concat:a|b.mp4"])
def test_any_name_is_only_a_name(
    clip: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(clip.read_bytes())
    monkeypatch.chdir(tmp_path)

    assert probe(Path(name)).frames == 5


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile 'clip.mp4'\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n#EXT-X-ENDLIST\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'></MPD>",
        "just text",
    ],
)
def test_a_playlist_that_is_called_a_clip_is_refused(clip: Path, tmp_path: Path, text: str) -> None:
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    path = tmp_path / "list.mp4"
    path.write_text(text)

    with pytest.raises(InputError, match=r"^list\.mp4 cannot be opened as a clip"):
        probe(path)


def test_a_picture_is_not_a_clip(tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x64", "-frames:v", "1", path)

    with pytest.raises(InputError, match="supported containers are mov, mp4"):
        probe(path)


def test_no_file_a_folder_and_an_empty_file_are_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()

    with pytest.raises(InputError, match="no such file"):
        probe(tmp_path / "none.mp4")
    with pytest.raises(InputError, match="a folder"):
        probe(tmp_path)
    with pytest.raises(InputError, match="is empty"):
        probe(empty)


def test_a_small_file_with_huge_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "color=red:size=16384x64", "-frames:v", "1"),
        *("-c:v", "libx264", "-preset", "ultrafast", path),
    )

    with pytest.raises(InputError, match="pictures of 16384x64; the limit is 8192x8192"):
        probe(path)


def test_limits_name_the_number_and_the_limit(clip: Path) -> None:
    with (
        pytest.raises(InputError, match=r"lasts 0\.2 s; the limit is 0\.1 s"),
        open_clip(clip, Limits(max_seconds=0.1)),
    ):
        pass


def test_sound_without_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine", "-t", "1", "-c:a", "aac", path)

    with pytest.raises(InputError, match=r"sound\.mp4 has no video stream"):
        probe(path)


def test_a_cover_picture_is_not_the_video(clip: Path, tmp_path: Path) -> None:
    cover, both = tmp_path / "cover.png", tmp_path / "both.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=32x32", "-frames:v", "1", cover)
    options = ("-i", cover, "-map", "1", "-map", "0", "-disposition:v:0", "attached_pic")
    remux(clip, both, *options)

    with open_clip(both) as container:
        assert len(container.streams.video) == 2
        assert edited_stream(container, "both").codec_context.width == 128
