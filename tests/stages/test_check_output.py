"""The output is refused before any work, or named."""

from pathlib import Path

import pytest

from pipeline.failure import OutputRefused, UsageError
from pipeline.stage import Context
from stages.artifacts import SourceClip
from stages.check_output import CheckOutput
from tests.media_fixtures import probe, remux, subtitles, with_sound

CONTEXT = Context(Path())


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> SourceClip:
    """Sound, and subtitles that only Matroska holds as they are."""
    folder = tmp_path_factory.mktemp("clip")
    sound = with_sound(folder / "sound.mp4", frames=6)
    both = remux(
        sound, folder / "both.mkv", "-i", subtitles(folder / "s.srt"), "-map", "0", "-map", "1"
    )
    return SourceClip(both, "0" * 64)


def test_a_container_that_holds_all_gives_its_encoder(clip: SourceClip) -> None:
    video = probe(clip.path)
    assert CheckOutput(suffix=".mkv").run(clip, video, CONTEXT).encoder == "libx264"
    assert CheckOutput(suffix=".mkv", codec="hevc").run(clip, video, CONTEXT).encoder == "libx265"


def test_a_stream_that_the_container_cannot_hold_is_refused(clip: SourceClip) -> None:
    with pytest.raises(OutputRefused):
        CheckOutput(suffix=".mp4").run(clip, probe(clip.path), CONTEXT)


def test_an_unknown_codec_is_refused(clip: SourceClip) -> None:
    with pytest.raises(UsageError, match="'theora' is not one of"):
        CheckOutput(suffix=".mkv", codec="theora").run(clip, probe(clip.path), CONTEXT)
