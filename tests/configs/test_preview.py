"""The plan of ``pipeline preview``: only what is shown is found and inverted."""

from pathlib import Path

import pytest

from configs.directions import find_direction
from configs.edit import EditClip
from configs.preview import PreviewClip
from pipeline.artifact import Ref
from pipeline.failure import UsageError
from pipeline.plan import Each, Plan
from stages.artifacts import SourceClip
from stages.direction_file import read_direction, write_direction
from stages.edit import ComposeEdits
from stages.strip import DrawStrip

CLIP = SourceClip(Path("clip.mp4"), "1" * 64)


def weights(name: str) -> tuple[Path, str]:
    return Path("weights") / name, name.encode().hex().ljust(64, "0")[:64]


def plan(*edits: str, **settings: object) -> Plan:
    return PreviewClip.model_validate({"edits": edits, **settings}).plan(CLIP, weights)


def test_there_is_a_node_for_each_strength_and_one_inversion() -> None:
    nodes = plan("age=-2..2", strengths=5).nodes
    found = [node.stage for name, node in nodes.items() if name.startswith("edits_")]
    assert [stage.edits for stage in found if isinstance(stage, ComposeEdits)] == [
        ("age=-2",), ("age=-1",), ("age=+0",), ("age=+1",), ("age=+2",),
    ]  # fmt: skip
    drawn = nodes["strip"].stage
    assert isinstance(drawn, DrawStrip) and len(drawn.headings) == 5
    faces = nodes["inverted"].inputs["faces"]
    assert isinstance(faces, Each) and faces.node is nodes["windows"]


def test_a_direction_of_the_users_own_can_be_looked_at(tmp_path: Path) -> None:
    header, vector = read_direction(find_direction("smile").file)
    calm = header.model_copy(update={"name": "calm"})
    own = write_direction(tmp_path / "calm.safetensors", calm, vector)
    nodes = plan("calm=-1..1", directions=[own.file]).nodes
    assert nodes["direction_calm"].given == Ref.to(own)
    with pytest.raises(UsageError, match="'calm' is unknown"):
        plan("calm=-1..1")


def test_faces_are_looked_for_in_the_moments_unless_a_track_is_named() -> None:
    nodes = plan("age=-2..2", frames=2).nodes
    assert nodes["faces"].inputs["video"].node is nodes["moments"]  # type: ignore[union-attr]
    run = EditClip(edits=("track:1:age=+2",)).plan(CLIP, weights).nodes
    for asked in (plan("age=-2..2", face="track:1"), plan("track:1:age=-2..2")):
        assert "moments" not in asked.nodes
        for name in ("video", "shots", "faces", "tracks"):
            assert asked.nodes[name].stage == run[name].stage, "found done by pipeline faces"


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ("nose=-1..1", "The edit 'nose' is unknown"),
        ("age=-30..3", "The strength of age is -30.0 standard deviations"),
        ("age=3..-3", "is empty"),
    ],
)
def test_what_a_run_would_refuse_is_refused(edit: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        plan(edit)


def test_it_is_inverted_in_the_precision_that_was_asked_for() -> None:
    for precision in ("fp32", "bf16"):
        nodes = plan("age=-2..2", precision=precision).nodes
        for name in ("starts", "inverted", "strip"):
            stage = nodes[name].stage
            assert stage is not None and stage.model_dump()["precision"] == precision
