"""The plan of ``pipeline run``: it is wired, and what it refuses it refuses in a sentence."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from configs import directions
from configs.edit import EditClip, edit_help
from configs.inversion import GENERATOR
from configs.presets import PRESETS, PresetName
from pipeline.artifact import Artifact, Ref
from pipeline.face_list import photographs_of
from pipeline.failure import Failure, InputError, UsageError
from pipeline.plan import All, Each, One, Plan
from stages.align import AlignFaces
from stages.artifacts import SourceClip
from stages.direction_file import write_direction
from stages.edit import ComposeEdits
from stages.edit_artifacts import Result
from stages.initialise import InitialiseLatents
from stages.invert_windows import BridgeAnchors, InvertAnchors
from stages.render import RenderClip
from tests.stages import tiny
from tests.stages.test_direction_file import AGE, unit

CLIP = SourceClip(Path("clip.mp4"), "1" * 64)


@pytest.fixture(autouse=True)
def few_directions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``age``, its double ``same``, and ``smile`` (without years) for the default generator."""
    for name, years in (("age", 9.0), ("smile", None), ("same", None)):
        header = AGE.model_copy(
            update={"name": name, "generator": GENERATOR, "years_per_sigma": years}
        )
        along = unit(512)
        if name == "smile":
            along[::2] *= -1
        write_direction(tmp_path / f"{name}.safetensors", header, along)
    monkeypatch.setattr(directions, "FOLDER", tmp_path)


def weights(name: str) -> tuple[Path, str]:
    """Anywhere: a plan only names them."""
    return Path("weights") / name, name.encode().hex().ljust(64, "0")[:64]


def plan(*edits: str, **settings: object) -> Plan:
    given = {"edits": edits or ("age=+2",), **settings}
    return EditClip.model_validate(given).plan(CLIP, weights)


def test_the_plan_is_the_dag_of_a_run() -> None:
    nodes = plan().nodes
    wanted = ["video", "output", "shots", "faces", "tracks", "alignment", "windows", "flow"]
    wanted += ["encoded", "starts", "anchor_windows", "inverted_windows"]
    wanted += ["edits", "safe_edits", "rendered", "result"]
    assert [name for name, node in nodes.items() if node.stage] == wanted
    assert nodes["result"].produces is Result
    assert [name for name, node in nodes.items() if node.many] == [
        "windows", "flow", "encoded", "anchor_windows", "inverted_windows",
    ]  # fmt: skip
    following = nodes["inverted_windows"].inputs["following"]
    assert isinstance(following, Each) and following.offset == 1
    for name in (*EditClip.gates, *EditClip.outlook):
        assert name in nodes


def test_a_direction_of_the_users_own_is_an_edit_like_others(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    header = AGE.model_copy(update={"name": "calm", "generator": GENERATOR})
    calm = write_direction(folder / "calm.safetensors", header, unit(512))
    with pytest.raises(UsageError, match=r"'calm' is unknown: .* of your own with --direction"):
        plan("calm=+1")
    nodes = plan("calm=+1", directions=[calm.file]).nodes
    given = nodes["direction_calm"].given
    assert given is not None and given == Ref.to(calm)
    assert any(line.startswith("calm ") for line in edit_help((calm.file,)).splitlines())
    header = AGE.model_copy(update={"name": "calm", "generator": "another"})
    write_direction(calm.file, header, unit(512))
    with pytest.raises(UsageError, match="belongs to the generator another"):
        plan("calm=+1", directions=[calm.file])


def test_gates_need_no_pixels_of_faces() -> None:
    """What can refuse the run is known before anything costly."""
    nodes = plan().nodes
    for gate in EditClip.gates:
        assert set(nodes[gate].inputs) == {"clip", "video"}


def test_settings_reach_the_stages() -> None:
    nodes = plan("age=+2", preset="draft", codec="hevc", crf=21, compare=True, suffix=".mkv").nodes
    draft = PRESETS["draft"]
    render, start = nodes["rendered"].stage, nodes["starts"].stage
    first, second = nodes["anchor_windows"].stage, nodes["inverted_windows"].stage
    assert isinstance(render, RenderClip) and isinstance(start, InitialiseLatents)
    assert isinstance(first, InvertAnchors) and isinstance(second, BridgeAnchors)
    assert (render.codec, render.crf, render.compare, render.suffix) == ("hevc", 21, True, ".mkv")
    assert (render.largest, start.steps) == (draft.render, draft.start)
    assert (first.steps, second.steps) == (draft.anchors, draft.bridges)
    assert nodes["result"].stage is not None
    assert nodes["result"].stage.model_dump()["compare"] is True
    assert {each.precision for each in (start, first, second, render)} == {"fp32"}
    nodes = plan(precision="bf16").nodes
    for name in ("starts", "anchor_windows", "inverted_windows", "rendered"):
        stage = nodes[name].stage
        assert stage is not None and stage.model_dump()["precision"] == "bf16"
    probe = plan(start=0.5, end=2).nodes["video"].stage
    assert probe is not None and probe.model_dump() == {"start": 0.5, "end": 2.0}


def test_every_direction_is_given_once() -> None:
    nodes = plan("age=+2,smile=-1", "age=+1").nodes
    assert [n for n in nodes if n.startswith("direction_")] == ["direction_age", "direction_smile"]
    compose = nodes["edits"].stage
    assert isinstance(compose, ComposeEdits)
    assert compose.generator == GENERATOR and compose.rows == 23


def test_faces_that_edits_name_are_aligned_too() -> None:
    nodes = plan("age=+2", "track:2:smile=-1", face="track:0").nodes
    align, compose = nodes["alignment"].stage, nodes["edits"].stage
    assert isinstance(align, AlignFaces) and align.face == "track:0,track:2"
    assert isinstance(compose, ComposeEdits) and compose.face == "track:0"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"edits": ("beard=+2",)},
            r"The edit 'beard' is unknown: age, same, smile can be had",
        ),
        ({"edits": ("age",)}, "The edit 'age' is not NAME=STRENGTH"),
        ({"edits": ("age=+40",)}, "The strength of age is 40.0 standard deviations"),
        ({"edits": ("age=+1000y",)}, "The strength of age is 111.1 standard deviations"),
        ({"edits": ("smile=+2y",)}, "smile has no years"),
        ({"edits": ("smile=0@0s,+2@1",)}, r"The keyframe '\+2@1' of smile is not STRENGTH@TIME"),
        ({"edits": ("age=+6", "age=+6")}, "The strength of age is 12.0 standard deviations"),
        ({"edits": ("age=+2", "same=+1")}, "age and same cannot be combined"),
        ({"face": "nearest"}, "largest, all, track:N or like:PHOTO"),
        (
            {"face": "like:anna.jpg"},
            r"needs a recognition network, .* --identity mobilefacenet.pth",
        ),
        ({"crf": 20.5}, "crf 20.5 is not a whole number"),
    ],
)
def test_what_a_user_may_get_wrong_is_told_in_a_sentence(
    settings: Mapping[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said) as told:
        EditClip.model_validate({"edits": ("age=+2",), **settings})
    assert "\n" not in str(told.value)


def test_a_person_in_a_photograph_is_known_again_before_faces_are_aligned(tmp_path: Path) -> None:
    for name in ("anna.jpg", "ben.jpg", "net.pth"):
        (tmp_path / name).write_text(name)
    face = f"like:{tmp_path}/anna.jpg,track:1,like:{tmp_path}/ben.jpg"
    edit = EditClip(edits=("age=+2",), face=face, identity=tmp_path / "net.pth")
    found = edit.plan(CLIP, weights).nodes
    photographs = found["people"].inputs["photographs"]
    assert isinstance(photographs, All)
    assert photographs.nodes == (found["person_0"], found["person_1"])
    assert "people" in edit.first, "a wrong photograph is told before the clip is looked at"
    for name in ("alignment", "edits"):
        likeness = found[name].inputs["likeness"]
        assert isinstance(likeness, One) and likeness.node is found["likeness"]
        assert "likeness" not in plan().nodes[name].inputs

    (tmp_path / "elsewhere").mkdir()
    moved = [(tmp_path / n).rename(tmp_path / "elsewhere" / n) for n in ("anna.jpg", "ben.jpg")]
    again = plan(
        face=f"like:{moved[0]},track:1,like:{moved[1]}", identity=tmp_path / "net.pth"
    ).nodes
    assert again["alignment"].stage == found["alignment"].stage, "by content, not by path"
    moved[1].unlink()
    with pytest.raises(InputError, match=r"ben\.jpg cannot be read"):
        plan(face=f"like:{moved[0]},like:{moved[1]}", identity=tmp_path / "net.pth")


def test_two_photographs_of_one_content_are_one_person(tmp_path: Path) -> None:
    for name in ("anna", "ben", "net"):
        (tmp_path / name).write_text(name)
    (tmp_path / "same").write_text("anna")
    names = ",".join(f"like:{tmp_path}/{name}" for name in ("anna", "same", "ben"))
    found = plan(face=names, identity=tmp_path / "net").nodes
    stage = found["alignment"].stage
    assert isinstance(stage, AlignFaces)
    assert len(photographs_of(stage.face)) == sum(name.startswith("person_") for name in found) == 2


def test_nobody_is_looked_for_whom_no_edit_is_for() -> None:
    found = plan("track:1:age=+2", face="like:anna.jpg").nodes
    assert "likeness" not in found


def test_a_person_who_is_not_there_is_named_by_the_photograph(tmp_path: Path) -> None:
    for name in ("anna.jpg", "net.pth"):
        (tmp_path / name).write_text(name)
    face = f"like:{tmp_path}/anna.jpg"
    edit = EditClip(edits=("age=+2",), face=face, identity=tmp_path / "net.pth")
    stage = edit.plan(CLIP, weights).nodes["alignment"].stage
    assert isinstance(stage, AlignFaces) and stage.face != face
    failure = Failure(
        "alignment", None, "stage", f"{stage.face}: no face of this clip is", exit_code=4
    )
    assert edit.told(failure).text == f"{face}: no face of this clip is"


@pytest.mark.parametrize("wrong", [{"preset": "fast"}, {"start": -1}, {"end": 0}, {"speed": 2}])
def test_other_settings_are_checked_by_their_types(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EditClip.model_validate({"edits": ("age=+2",), **wrong})


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_builds(preset: PresetName) -> None:
    assert "result" in plan(preset=preset).nodes


def test_a_dry_run_says_what_would_be_edited() -> None:
    weight = np.ones(9, np.float32)
    weight[:2] = 0
    given: dict[str, Artifact] = {
        "video": tiny.video(20, size=(64, 48), rotation=90),
        "alignment": tiny.alignment((0, range(5)), (3, range(10, 14)), weight=weight),
    }
    said = EditClip(edits=("age=+2",)).look(given).splitlines()
    assert said == [
        "20 frames of 48x64, 0.76 s, h264",
        "7 frames would be edited",
        "track 0: frames 2 to 4",
        "track 3: frames 10 to 13",
    ]


def test_help_names_every_edit_its_range_and_whether_it_has_years() -> None:
    lines = edit_help().splitlines()
    assert lines[1].startswith("age ") and "age=+10y" in lines[1]
    assert lines[3].startswith("smile ") and "y)" not in lines[3]


def test_help_shows_how_several_keyframes_and_single_faces_are_written() -> None:
    said = edit_help()
    for example in ("age=+2,smile=-1", "smile=0@0s,+2@1.5s", "track:1:age=-2"):
        assert example in said
        assert EditClip(edits=(example,)).edits == (example,)
