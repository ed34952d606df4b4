"""The nodes of references in the plan of a run, and what is refused before it begins."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from configs import directions
from configs.edit import EditClip
from configs.inversion import GENERATOR
from configs.presets import MOVING, PRESETS
from configs.transfer import Transfer, motion_plan, parse_transfers
from pipeline.failure import Failure, InputError, UsageError
from pipeline.options import RunOptions
from pipeline.plan import Plan
from pipeline.reference import Reference
from stages.direction_file import write_direction
from stages.motion_file import Motion, Moves, write_motion
from stages.render import RenderClip
from stages.transfer import TransferMotion
from tests.configs.test_edit import CLIP, weights
from tests.stages.test_direction_file import AGE
from tests.stages.test_motion_file import talk

VECTORS = dict(zip(("age", "mouth", "yaw"), np.eye(3, 512, dtype=np.float32), strict=True))


@pytest.fixture(autouse=True)
def three_directions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``age``, ``mouth`` and ``yaw``, on rows 0 to 2."""
    folder = tmp_path / "directions"
    folder.mkdir()
    for name in VECTORS:
        header = AGE.model_copy(
            update={"name": name, "generator": GENERATOR, "years_per_sigma": None}
        )
        write_direction(folder / f"{name}.safetensors", header, VECTORS[name])
    monkeypatch.setattr(directions, "FOLDER", folder)
    monkeypatch.setattr(directions, "MOTION_FOLDER", tmp_path / "motion")


@pytest.fixture
def ref(tmp_path: Path) -> Path:
    path = tmp_path / "ref.mp4"
    path.write_bytes(b"a clip")
    return path


def motion_file(path: Path, generator: str = GENERATOR) -> Path:
    header = talk().header.model_copy(update={"generator": generator})
    write_motion(path, Moves(header, talk().seconds, talk().codes, talk().measures))
    return path


def plan(transfers: tuple[Transfer, ...], *edits: str) -> Plan:
    return EditClip(edits=edits, transfers=transfers, preset="draft").plan(CLIP, weights)


def asked(*texts: object, **more: object) -> tuple[Transfer, ...]:
    options = {"transfer": [str(text) for text in texts], **more}
    return parse_transfers(RunOptions.model_validate(options))


def test_a_reference_is_inverted_beside_the_clip(ref: Path) -> None:
    nodes = plan(asked(f"{ref}@0.5-1.5")).nodes
    for name in ("alignment", "windows", "flow", "starts", "anchor_windows", "inverted_windows"):
        mine, other = nodes[name].stage, nodes[f"reference0_{name}"].stage
        assert mine == other and mine is not None
    probe = nodes["reference0_video"].stage
    assert probe is not None and probe.model_dump() == {"start": 0.5, "end": 1.5}
    assert "edits" not in nodes
    given = nodes["transferred"].inputs
    assert {"motions", "directions", "latents", "alignment", "tracks"} <= set(given)
    for node in ("rendered", "result"):
        assert nodes[node].inputs["edits"].node is nodes["transferred"]  # type: ignore[union-attr]


def test_a_reference_is_inverted_in_the_precision_of_the_clip(ref: Path) -> None:
    transfers = asked(ref)
    for precision in ("fp32", "bf16"):
        settings = EditClip.model_validate({"transfers": transfers, "precision": precision})
        nodes = settings.plan(CLIP, weights).nodes
        for name in ("starts", "anchor_windows", "inverted_windows"):
            mine, other = nodes[name].stage, nodes[f"reference0_{name}"].stage
            assert mine == other and mine is not None
            assert mine.model_dump()["precision"] == precision


def test_a_reference_that_is_used_twice_is_inverted_once(ref: Path) -> None:
    twice = asked(ref, ref, f"{ref}@0-1", transfer_what=["mouth", "yaw", "rows:4-8"])
    nodes = plan(twice).nodes
    assert sum(name.endswith("_inverted_windows") for name in nodes) == 2
    stage = nodes["transferred"].stage
    assert isinstance(stage, TransferMotion)
    assert [use.what for use in stage.uses] == ["mouth", "yaw", "rows:4-8"]
    assert [n.name for n in nodes["transferred"].inputs["motions"].nodes] == [  # type: ignore[union-attr]
        "reference0_motion", "reference0_motion", "reference1_motion",
    ]  # fmt: skip


def test_only_a_motion_changes_how_codes_are_smoothed(ref: Path) -> None:
    usual, moving = RenderClip().smoothing, MOVING
    for mode, wanted in (("motion", moving), ("change", usual)):
        nodes = plan(asked(ref, transfer_mode=mode)).nodes
        render, transfer = nodes["rendered"].stage, nodes["transferred"].stage
        assert isinstance(render, RenderClip) and isinstance(transfer, TransferMotion)
        assert render.smoothing == transfer.smoothing == wanted
    render = plan((), "age=+1").nodes["rendered"].stage
    assert isinstance(render, RenderClip) and render.smoothing == usual


def test_edits_and_transfers_meet(ref: Path) -> None:
    nodes = plan(asked(ref), "age=+1", "mouth=+1").nodes
    assert [n for n in nodes if n.startswith("direction_")] == ["direction_age", "direction_mouth"]
    assert [n for n in nodes if n.startswith("moving_")] == ["moving_mouth"]
    assert nodes["transferred"].inputs["edits"].node is nodes["safe_edits"]  # type: ignore[union-attr]


def test_a_direction_for_motion_goes_before_an_edits(ref: Path, tmp_path: Path) -> None:
    folder = tmp_path / "motion"
    folder.mkdir()
    header = AGE.model_copy(update={"name": "mouth", "generator": GENERATOR, "sigma": 0.25})
    own = write_direction(folder / "mouth.safetensors", header, VECTORS["mouth"])
    nodes = plan(asked(ref, transfer_what="mouth,yaw")).nodes
    given = [nodes[f"moving_{name}"].given for name in ("mouth", "yaw")]
    assert [each.given for each in given if each] == [own, directions.find_direction("yaw")]


def test_a_motion_file_needs_no_inversion(tmp_path: Path) -> None:
    file = motion_file(tmp_path / "talk.safetensors")
    settings = EditClip(transfers=asked(file))
    nodes = settings.plan(CLIP, weights).nodes
    assert nodes["reference0_motion"].produces is Motion
    assert not any(name.endswith("_video") for name in nodes)
    assert settings.first == EditClip.gates


def test_references_without_a_face_are_known_first_and_named(ref: Path) -> None:
    settings = EditClip(transfers=asked(ref))
    assert settings.first == ("output", "reference0_alignment")
    failure = Failure("reference0_alignment", None, "stage", "no face was found in this clip", 4)
    assert settings.told(failure).text == f"the reference {ref}: no face was found in this clip"
    assert settings.told(failure).exit_code == 4
    mine = Failure("alignment", None, "stage", "no face was found in this clip", 4)
    assert settings.told(mine) == mine


def test_one_value_is_for_all_and_several_are_each_for_its_own(ref: Path) -> None:
    found = asked(ref, f"{ref}@0-1", transfer_what=["mouth", "yaw"], transfer_strength=0.5)
    assert [t.use.what for t in found] == ["mouth", "yaw"]
    assert [t.use.strength for t in found] == [0.5, 0.5]
    assert [t.reference for t in found] == [Reference(ref), Reference(ref, 0.0, 1.0)]
    assert asked(transfer_what="yaw") == ()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"transfer_what": ["mouth"] * 3}, "--transfer-what is there 3 times for 2"),
        ({"transfer_what": "smile"}, "The edit 'smile' is unknown: age, mouth, yaw"),
        ({"transfer_what": "hair"}, "'hair' is unknown"),
        ({"transfer_what": "rows:3"}, "none of these rows reaches the picture"),
        ({"transfer_strength": 99.0}, "--transfer-strength is 99.0"),
        ({"transfer_what": "mouth"}, "the motion of a face twice in mouth"),
        ({"transfer_what": ["mouth", "all"]}, "mouth: its rows of W+ are named as well"),
        ({"transfer_what": ["rows:0-4", "rows:4"]}, "twice in row 4"),
    ],
)
def test_what_a_user_may_get_wrong_is_told_in_a_sentence(
    ref: Path, more: dict[str, object], said: str
) -> None:
    with pytest.raises(UsageError, match=said.replace("+", r"\+")) as told:
        EditClip(transfers=asked(ref, f"{ref}@0-1", **more))
    assert "\n" not in str(told.value)


def test_references_that_are_none_are_told(tmp_path: Path) -> None:
    other = motion_file(tmp_path / "other.safetensors", "stylegan3")
    with pytest.raises(UsageError, match="belongs to the generator stylegan3; this run renders"):
        asked(other)
    mine = motion_file(tmp_path / "mine.safetensors")
    with pytest.raises(UsageError, match="is a motion file: it is used whole"):
        asked(f"{mine}@0-1")
    with pytest.raises(InputError, match="cannot be read"):
        asked(tmp_path / "gone.mp4")
    mine.write_bytes(np.zeros(9).tobytes())
    with pytest.raises(InputError, match="is not a motion file"):
        asked(mine)


def test_the_plan_of_a_motion_file(ref: Path) -> None:
    made = motion_plan(
        weights, Reference(ref, 0.0, 1.0), face="track:1", preset=PRESETS["draft"], made_by="me"
    )
    assert made.nodes["motion"].produces is Motion
    align, learn = made.nodes["alignment"].stage, made.nodes["motion"].stage
    assert align is not None and align.model_dump()["face"] == "track:1"
    assert learn is not None and learn.model_dump()["made_by"] == "me"


def test_in_a_batch_a_reference_that_cannot_be_read_spoils_its_own_jobs(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.mp4").write_bytes(b"not looked into")
    (tmp_path / "jobs.yaml").write_text(
        "jobs: [{clips: a.mp4, edits: age=+2}, {clips: b.mp4, transfer: gone.mp4}]"
    )
    words = [sys.executable, "-m", "pipeline", "batch", "jobs.yaml", "--dry-run"]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 8, found.stderr
    first, second = found.stdout.splitlines()
    assert first.endswith(str(tmp_path / "a.age+2.mp4"))
    assert "failed (3)" in second and "gone.mp4 cannot be read" in second
