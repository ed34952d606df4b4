"""The plan of ``pipeline morph``, and what it refuses."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from configs.morph import Morph, told
from configs.presets import PRESETS
from pipeline.failure import Failure, UsageError
from pipeline.moment import Moment
from pipeline.plan import Plan
from stages.invert_pair import InvertPair
from stages.morph import MorphClip, RenderMorph
from tests.configs.test_edit import weights


@pytest.fixture
def photo(tmp_path: Path) -> Moment:
    path = tmp_path / "anna.png"
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path)
    return Moment(path)


@pytest.fixture
def clip(tmp_path: Path) -> Moment:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"a clip")
    return Moment(path, 1.5)


def plan(
    a: Moment, b: Moment, identity: tuple[Path, str] | None = None, **settings: object
) -> Plan:
    return Morph.model_validate(settings).plan(a, b, weights, identity)


def test_a_photo_and_a_moment_of_a_clip_meet_in_one_inversion(photo: Moment, clip: Moment) -> None:
    nodes = plan(photo, clip, seconds=2, fps=12, preset="draft").nodes
    assert "first_photo" in nodes and "second_whole" in nodes
    pick = nodes["second_video"].stage
    assert pick is not None
    assert pick.model_dump() == {"frames": 1, "at": (1.5,), "around": 0.0}
    pair, render = nodes["ends"].stage, nodes["morph"].stage
    assert isinstance(pair, InvertPair) and isinstance(render, RenderMorph)
    assert (render.frames, render.fps, render.size) == (24, 12, PRESETS["draft"].render)
    assert nodes["morph"].produces is MorphClip
    assert "identity" not in nodes["morph"].inputs


def test_one_picture_may_be_both_ends(clip: Moment) -> None:
    assert "morph" in plan(clip, Moment(clip.path, 2.5)).nodes


def test_identity_is_measured_with_a_users_network(photo: Moment, clip: Moment) -> None:
    nodes = plan(photo, clip, (Path("face.pth"), "0" * 64)).nodes
    assert "identity" in nodes["morph"].inputs


def test_what_a_user_may_get_wrong_is_told_in_a_sentence(photo: Moment, clip: Moment) -> None:
    with pytest.raises(UsageError, match=r"is a clip: name a moment of it, .*talk\.mp4@1\.5"):
        plan(photo, Moment(clip.path))
    with pytest.raises(UsageError, match=r"anna\.png is a photo"):
        plan(Moment(photo.path, 2.0), clip)
    for settings, count in (({"seconds": 0.04}, 1), ({"seconds": 1000}, 25000)):
        with pytest.raises(UsageError, match=f"has {count} frames: 2 to 3000"):
            plan(photo, clip, **settings)
    for wrong in ({"seconds": 0}, {"fps": 500}, {"preset": "fast"}, {"pace": "slow"}):
        with pytest.raises(ValidationError):
            plan(photo, clip, **wrong)


def test_a_failure_names_its_picture(photo: Moment, clip: Moment) -> None:
    failure = Failure("second_alignment", None, "stage", "no face was found", 4)
    assert told(failure, photo, clip) == f"{clip.path}@1.5: no face was found"
    assert told(Failure("ends", None, "stage", "bad", 1), photo, clip) == "bad"
