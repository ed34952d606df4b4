"""The plan of a bench, its table, and what the command refuses."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from configs.bench import BenchInversion
from configs.bench_plan import NO_ENCODER
from configs.bench_table import ALL, SYNTHESISED, Row, frechet_cell, table
from configs.presets import PRESETS
from pipeline.__main__ import app
from pipeline.commands.bench_table import as_json, as_table
from pipeline.failure import UsageError
from pipeline.plan import sources
from stages.artifacts import SourceClip
from stages.bench_figures import InversionFigures
from stages.bench_inversion import RunInverter
from stages.evaluation import Figure
from stages.initialise import InitialiseLatents
from stages.inverters.choice import METHODS

CLIPS = [SourceClip(Path(f"/nowhere/{name}.mp4"), name) for name in ("a", "b")]
ENCODER = (Path("/nowhere/encoder"), "e")


def give(name: str) -> tuple[Path, str]:
    return Path("/nowhere") / name, "0" * 64


def test_every_inverter_starts_from_the_same_codes_with_the_same_steps() -> None:
    settings = BenchInversion(steps=(7,), frames=12)
    plan, subjects = settings.plan(CLIPS, give, ENCODER)
    assert len(subjects) == 2 * len(METHODS) and all(s.node for s in subjects)
    for number in (0, 1):
        runs = [plan.nodes[f"{name}_{number}"] for name in METHODS]
        for name in ("faces", "flow", "start"):
            assert len({run.inputs[name].nodes for run in runs}) == 1
        for run in runs:
            assert isinstance(run.stage, RunInverter)
            assert run.stage.method.steps == 7 and run.stage.windows == 2


def test_the_encoders_start_is_that_of_a_run() -> None:
    preset = PRESETS["standard"]
    of_run = InitialiseLatents(steps=preset.start, most=preset.most)
    plan, _ = BenchInversion().plan(CLIPS[:1], give, ENCODER)
    assert plan.nodes["offset_0"].stage == of_run
    plan, _ = BenchInversion(start_steps=12).plan(CLIPS[:1], give, ENCODER)
    assert plan.nodes["offset_0"].stage == of_run.model_copy(update={"steps": 12, "most": 72})


def test_without_an_encoder_some_rows_say_why_they_are_empty() -> None:
    with pytest.raises(UsageError, match="--start mean"):
        BenchInversion().plan(CLIPS, give, None)
    plan, subjects = BenchInversion(start=("mean",)).plan(CLIPS[:1], give, None)
    empty = {s.row.inverter: s.note for s in subjects if not s.node}
    assert empty == dict.fromkeys(("in-domain", "encoder", "finetune"), NO_ENCODER)
    assert "encoded_0" not in plan.nodes and "offset_0" not in plan.nodes


def test_the_synthesised_set_is_inverted_beside_the_clips() -> None:
    settings = BenchInversion(synthesised=3, inverters=("joint", "encoder"))
    plan, subjects = settings.plan(CLIPS[:1], give, ENCODER)
    assert [s.row.clip for s in subjects] == ["a.mp4"] * 2 + [SYNTHESISED] * 2
    run = plan.nodes[f"joint_{SYNTHESISED}"].stage
    assert isinstance(run, RunInverter) and run.windows == 3
    assert all(s.node.startswith("edits of") for s in subjects[2:])


def test_an_ablation_is_of_ours() -> None:
    rivals = BenchInversion(ablation=True, steps=(3,)).rivals
    assert {rival.method.name for rival in rivals} == {"joint"}
    assert {rival.method.steps for rival in rivals} == {3}
    assert "literal consistency" in [rival.label for rival in rivals]


def test_steps_and_starts_are_crossed_and_named() -> None:
    settings = BenchInversion(inverters=("joint",), steps=(20, 200), start=("encoder", "mean"))
    plan, subjects = settings.plan(CLIPS[:1], give, ENCODER)
    assert [subject.row.inverter for subject in subjects] == [
        "joint 20 from encoder", "joint 200 from encoder", "joint 20 from mean",
        "joint 200 from mean",
    ]  # fmt: skip
    for label, steps, start in (("joint 20 from encoder", 20, "start_0"),
                                ("joint 200 from mean", 200, "mean_0")):  # fmt: skip
        node = plan.nodes[f"{label}_0"]
        assert isinstance(node.stage, RunInverter) and node.stage.method.steps == steps
        assert [each.name for each in node.inputs["start"].nodes] == [start]


def test_precisions_are_compared_in_one_run() -> None:
    settings = BenchInversion(inverters=("joint",), precision=("fp32", "bf16"))
    plan, subjects = settings.plan(CLIPS[:1], give, ENCODER)
    assert [subject.row.inverter for subject in subjects] == ["joint fp32", "joint bf16"]
    for kind in ("fp32", "bf16"):
        stage = plan.nodes[f"joint {kind}_0"].stage
        assert isinstance(stage, RunInverter) and stage.precision == kind
    with pytest.raises(ValidationError):
        BenchInversion.model_validate({"precision": ["fp8"]})


def test_editing_consistency_inverts_what_was_edited() -> None:
    settings = BenchInversion(inverters=("joint", "i2s"), lec=True)
    plan, subjects = settings.plan(CLIPS[:1], give, ENCODER)
    assert [subject.node for subject in subjects] == ["consistency of joint_0",
                                                      "consistency of i2s_0"]  # fmt: skip
    first, again = plan.nodes["i2s_0"], plan.nodes["i2s_0 again"]
    assert first.stage == again.stage
    assert [n.name for n in again.inputs["faces"].nodes] == ["edited by i2s_0"]
    (made,) = sources(plan.nodes["edited by i2s_0"].inputs["made"])
    assert made is first


def figures(mse: float, warp: float, seconds: float, frames: int = 5) -> InversionFigures:
    return InversionFigures(
        frames=frames,
        windows=1,
        steps=4,
        seconds=seconds,
        cpu_seconds=seconds,
        figures=(
            Figure("mse", "face", mse, "lower", count=frames, spread=0.0),
            Figure("warp_error", "face", 9.0, "lower", source=1.0, ratio=warp, count=frames - 1,
                   spread=0.0),
            Figure("tl_id", "face", None, "one", note="no network"),
        ),
    )  # fmt: skip


def test_the_table_pools_frames_and_relates_to_ours() -> None:
    lines = table({
        Row("a", "i2s"): figures(0.02, 4.0, 6.0),
        Row("a", "joint"): figures(0.01, 2.0, 3.0),
        Row("b", "i2s"): figures(0.04, 4.0, 6.0, frames=15),
        Row("b", "joint"): figures(0.05, 1.0, 3.0, frames=15),
    })  # fmt: skip
    assert [(line.row.clip, line.row.inverter) for line in lines[-2:]] == [
        (ALL, "i2s"), (ALL, "joint")
    ]  # fmt: skip
    i2s, joint = lines[-2:]
    assert i2s.frames == 20 and i2s.clips == 2
    assert joint.cell("mse").value == pytest.approx(0.04)
    assert joint.cell("mse").spread == pytest.approx((0.25 * 0.03**2 + 0.75 * 0.01**2) ** 0.5)
    assert i2s.cell("mse").ratio == pytest.approx(0.035 / 0.04)
    assert i2s.cell("seconds").value == 12 and i2s.cell("seconds").ratio == 2
    assert lines[0].cell("warp_error").ratio == pytest.approx(2)
    assert lines[0].cell("tl_id").value is None


def test_over_all_clips_the_same_clips_are_compared() -> None:
    lines = table({
        Row("a", "joint"): figures(0.01, 2.0, 3.0),
        Row("a", "i2s"): figures(0.02, 4.0, 6.0),
        Row("b", "joint"): figures(0.09, 1.0, 3.0),
        Row("b", "i2s"): "it failed",
        Row("a", "encoder"): NO_ENCODER,
        Row("b", "encoder"): NO_ENCODER,
    })  # fmt: skip
    over = {line.row.inverter: line for line in lines if line.row.clip == ALL}
    assert over["joint"].clips == 1 and over["joint"].cell("mse").value == pytest.approx(0.01)
    assert over["encoder"].note == NO_ENCODER


def test_the_table_is_told_to_people_and_programs() -> None:
    lines = table({
        Row("a", "joint"): figures(0.01, 2.0, 3.0), Row("a", "encoder"): NO_ENCODER,
        Row("a", "i2s"): figures(0.02, 1.0, 6.0),
    })  # fmt: skip
    text = as_table(lines, ["age", "yaw"])
    assert "edited along: age, yaw." in text
    assert "20 (0) x2.00" in text and "1 (0) x0.50" in text
    assert f"a, encoder: {NO_ENCODER}" in text
    assert "TL-ID" not in text
    assert '"inverter": "i2s"' in as_json(lines, {"steps": 4})


def test_a_figure_without_a_spread_has_none() -> None:
    one = figures(0.01, 2.0, 3.0)
    jitter = Figure("landmark_jitter", "face", 0.2, "lower", source=0.1, ratio=2.0, count=3)
    (line,) = table({Row("a", "joint"): replace(one, figures=(*one.figures, jitter))})
    assert line.cell("landmark_jitter").spread is None
    assert line.cell("landmark_jitter").value == 2
    assert "2 x1.00" in as_table([line])


def test_frechet_distances_pool_pictures_and_not_distances() -> None:
    random = np.random.default_rng(0)
    own, made = (random.normal(size=(20, 320)).astype(np.float32) for _ in range(2))
    halves = [
        replace(figures(0.01, 2.0, 3.0), source_features=own[part], features=made[part] + k,
                edit_features=own[part])
        for k, part in enumerate((slice(0, 10), slice(10, 20)))
    ]  # fmt: skip
    lines = table({Row("a", "joint"): halves[0], Row("b", "joint"): halves[1]})
    whole = frechet_cell("fd_effnetlite0", own, np.concatenate([made[:10], made[10:] + 1]))
    over = lines[-1].cell("fd_effnetlite0")
    assert over.value == pytest.approx(whole.value) and over.count == 20
    assert "320 features" in over.note
    # Of a clip, edits stand beside the clip as it is.
    assert lines[-1].cell("edit_fd_effnetlite0").value == pytest.approx(0, abs=1e-3)
    with pytest.raises(KeyError):
        table({Row("a", "joint"): figures(0.01, 2.0, 3.0)})[0].cell("edit_fd_effnetlite0")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["x.mp4", "--inverter", "psp"], "The inverter 'psp' is unknown"),
        (["x.mp4", "--start", "zero"], "--start 'zero'"),
        (["x.mp4", "--face", "all"], "one face of a clip"),
        ([], "Name at least one clip"),
    ],
)
def test_what_it_refuses_is_a_sentence(arguments: list[str], told: str) -> None:
    found = CliRunner().invoke(app, ["bench", "inversion", *arguments])
    assert isinstance(found.exception, UsageError) and told in str(found.exception)
