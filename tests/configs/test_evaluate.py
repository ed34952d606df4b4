"""The plan of ``pipeline evaluate``."""

from pathlib import Path

import pytest

from configs.edit import EditClip
from configs.evaluate import EvaluateClip
from pipeline.artifact import Ref
from pipeline.failure import UsageError
from pipeline.plan import Plan
from stages.artifacts import SourceClip
from stages.evaluation import Evaluation

CLIP, MADE = SourceClip(Path("a.mp4"), "1" * 64), SourceClip(Path("b.mp4"), "2" * 64)


def weights(name: str) -> tuple[Path, str]:
    """Anywhere: a plan only names them."""
    return Path("weights") / name, name.encode().hex().ljust(64, "0")[:64]


def plan(**settings: object) -> Plan:
    return EvaluateClip.model_validate(settings).plan(CLIP, MADE, weights)


def test_the_figures_come_last_and_what_may_refuse_first() -> None:
    nodes = plan().nodes
    assert nodes["evaluation"].produces is Evaluation
    gates = [node.name for node in plan().needed(EvaluateClip.gates) if node.stage]
    assert gates == ["video", "made_video", "pair"]


def test_faces_are_found_as_a_run_finds_them() -> None:
    """So that after a run on the same clip they are there already."""
    edit = EditClip.model_construct(edits=(), face="largest")
    mine, runs = plan().nodes, edit.plan(CLIP, weights).nodes
    for name in ("video", "shots", "faces", "tracks", "alignment"):
        assert mine[name].stage == runs[name].stage
        assert set(mine[name].inputs) == set(runs[name].inputs)
    for name in ("clip", "face_models"):
        given, theirs = mine[name].given, runs[name].given
        assert isinstance(given, Ref) and given == theirs


def test_optional_networks_are_wired_where_they_can_be_had() -> None:
    assert not {"niqe", "lpips", "identity"} & set(plan().nodes)
    full = EvaluateClip().plan(
        CLIP, MADE, weights, (Path("id.pth"), "3" * 64), frozenset({"niqe", "lpips-vgg"})
    )
    assert {"niqe", "lpips", "identity"} <= set(full.nodes["evaluation"].inputs)


def test_a_part_of_the_source_is_a_setting_of_its_probe() -> None:
    nodes = plan(start=1.5, end=3).nodes
    assert (nodes["video"].stage.start, nodes["video"].stage.end) == (1.5, 3)
    assert nodes["made_video"].stage.start is None


def test_an_unknown_face_is_refused() -> None:
    with pytest.raises(UsageError, match="largest, all or track:N"):
        plan(face="second")
