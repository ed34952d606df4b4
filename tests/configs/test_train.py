"""The DAGs behind pipeline train and pipeline directions."""

from pathlib import Path

from typer.testing import CliRunner

from configs.train import AGAINST, direction_plan, heads_plan, sample_plan
from pipeline.__main__ import app


def give(name: str) -> tuple[Path, str]:
    return Path("/nowhere") / name, "0" * 64


def test_plans_are_wired() -> None:
    assert "heads" in heads_plan(give, 4).nodes
    plan = direction_plan(give, tuple(AGAINST), 40, "test")
    assert {f"direction_{name}" for name in AGAINST} <= set(plan.nodes)
    needed = sample_plan(give, 40).needed(("sample",))
    assert {"samples", "direction_yaw", "direction_mouth", "sample"} <= {n.name for n in needed}


def test_the_list_says_what_age_does() -> None:
    done = CliRunner().invoke(app, ["directions", "list"])
    assert done.exit_code == 0
    assert "age" in done.output
    assert "age=+10y is +2.0 sigma" in done.output


def test_an_unknown_label_is_a_sentence(tmp_path: Path) -> None:
    out = str(tmp_path / "x.safetensors")
    done = CliRunner().invoke(app, ["directions", "fit", "hat", "-o", out])
    assert done.exit_code != 0
    assert "no label 'hat'" in str(done.exception)
