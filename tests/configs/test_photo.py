"""Where a photograph is given, the plan of a run makes a clip of it and a photograph again."""

from pathlib import Path

import pytest

from configs.edit import EditClip
from configs.faces import ShowFaces
from configs.preview import PreviewClip
from pipeline.failure import UsageError
from pipeline.plan import Plan
from stages.artifacts import SourceClip
from stages.edit_artifacts import Result
from stages.photo_clip import PhotoAsClip
from stages.render_photo import RenderPhoto


@pytest.fixture
def photo(tmp_path: Path) -> SourceClip:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"\xff\xd8\xff\xe0 only its first bytes are looked at here")
    return SourceClip(path, "1" * 64)


def weights(name: str) -> tuple[Path, str]:
    return Path("weights") / name, name.encode().hex().ljust(64, "0")[:64]


def plan(photo: SourceClip, **settings: object) -> Plan:
    given = {"edits": ("age=+2",), "suffix": ".jpg", **settings}
    return EditClip.model_validate(given).plan(photo, weights)


def test_a_run_on_a_photo(photo: SourceClip) -> None:
    nodes = plan(photo).nodes
    assert isinstance(nodes["clip"].stage, PhotoAsClip)
    assert isinstance(nodes["rendered"].stage, RenderPhoto)
    assert nodes["rendered"].stage.suffix == ".jpg"
    bf16 = plan(photo, precision="bf16").nodes["rendered"].stage
    assert isinstance(bf16, RenderPhoto) and bf16.precision == "bf16"
    assert nodes["result"].produces is Result
    clip = SourceClip(Path("clip.mp4"), "1" * 64)
    assert set(nodes) - set(plan(clip).nodes) == {"photo"}


def test_faces_and_preview_take_photos(photo: SourceClip) -> None:
    assert "photo" in ShowFaces().plan(photo, weights).nodes
    assert "photo" in PreviewClip(edits=("age=-1..1",)).plan(photo, weights).nodes


@pytest.mark.parametrize(
    ("name", "value"),
    [("start", 1.0), ("end", 1.0), ("codec", "hevc"), ("crf", 20), ("compare", True)],
)
def test_what_is_for_clips_is_refused(photo: SourceClip, name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"--{name} is for clips, and a\.jpg is a photo\."):
        plan(photo, **{name: value})
