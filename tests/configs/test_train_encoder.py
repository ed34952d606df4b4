"""The DAG behind pipeline train encoder."""

from itertools import pairwise
from pathlib import Path

import pytest
from typer.testing import CliRunner

from configs.train_encoder import EncoderTraining, encoder_plan
from pipeline.__main__ import app
from pipeline.failure import UsageError
from pipeline.plan import Plan
from pipeline.work import settings_of
from stages.train_encoder import TrainingStage


def give(name: str) -> tuple[Path, str]:
    return Path("/nowhere") / name, "0" * 64


def chain(plan: Plan, phase: str) -> list[TrainingStage]:
    stages = [n.stage for name, n in plan.nodes.items() if name.startswith(phase)]
    return [s for s in stages if isinstance(s, TrainingStage)]


def test_sizes_become_nodes() -> None:
    plan = encoder_plan(give, EncoderTraining(samples=2000, epochs=2.0, image_steps=100))
    assert sum(name.startswith("bank_") for name in plan.nodes) == 8
    assert sum(s.steps for s in chain(plan, "codes_")) == pytest.approx(2 * 2048 / 16, abs=48)
    assert sum(s.steps for s in chain(plan, "images_")) == 120
    assert {n.name for n in plan.needed(("encoder",))} == set(plan.nodes)


def test_the_rate_warms_up_holds_and_falls_without_a_jump() -> None:
    plan = encoder_plan(give, EncoderTraining())
    codes, images = chain(plan, "codes_"), chain(plan, "images_")
    assert codes[0].rate < codes[0].end_rate == codes[1].rate == 1e-3
    for phase in (codes, images):
        for a, b in pairwise(phase):
            assert a.end_rate == b.rate >= b.end_rate
    assert codes[-1].end_rate == pytest.approx(images[0].rate)
    assert images[0].rate == images[0].end_rate
    assert images[-1].end_rate < images[0].rate / 50


def test_more_image_steps_go_on_from_the_same_nodes() -> None:
    short, long = (
        chain(encoder_plan(give, EncoderTraining(image_steps=n)), "images_") for n in (400, 800)
    )
    same = [a == b for a, b in zip(short, long, strict=False)]
    assert sum(same) >= 6


def test_photographs_are_an_input_of_the_second_phase(tmp_path: Path) -> None:
    (tmp_path / "face.png").write_bytes(b"read by the stage only")
    plan = encoder_plan(give, EncoderTraining(image_steps=40), tmp_path)
    assert "photos" in plan.nodes["images_0"].inputs
    assert "photos" not in encoder_plan(give, EncoderTraining()).nodes["images_0"].inputs


def test_a_folder_without_photographs_is_a_sentence(tmp_path: Path) -> None:
    out = str(tmp_path / "e.safetensors")
    done = CliRunner().invoke(app, ["train", "encoder", "-o", out, "--photos", str(tmp_path)])
    assert done.exit_code != 0
    assert "no .jpg or .png photographs" in str(done.exception)


def test_workers_share_the_steps_of_images_and_change_no_key() -> None:
    alone = encoder_plan(give, EncoderTraining(image_batch=16))
    shared = encoder_plan(give, EncoderTraining(image_batch=16, workers=4))
    for name, node in shared.nodes.items():
        assert node.stage is not None or name in ("generator", "heads", "perceptual")
        if node.stage is not None:
            assert node.stage.workers_wanted == (4 if name.startswith("images_") else 1)
            other = alone.nodes[name].stage
            assert other is not None and settings_of(node.stage) == settings_of(other)
    with pytest.raises(UsageError, match="5 workers cannot share a step of 16 faces: it has 4"):
        encoder_plan(give, EncoderTraining(image_batch=16, workers=5))


def test_workers_are_a_clusters(tmp_path: Path) -> None:
    words = ["train", "encoder", "-o", str(tmp_path / "e.safetensors"), "--workers", "2"]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, UsageError)
    assert "--workers 2 needs --on ray." in str(result.exception)
