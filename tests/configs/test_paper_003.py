"""The paper's tables: the plan behind them, and ours beside the paper's."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from configs.bench_plan import Files
from configs.paper_003 import NO_CLIP, NO_PSP, OURS, RIVALS, Paper003
from configs.paper_003_figures import SETS, TABLES
from pipeline.__main__ import app
from pipeline.commands.paper_table import as_json, as_text
from pipeline.failure import UsageError
from pipeline.plan import sources
from stages.artifacts import SourceClip
from stages.bench_edits import AddEditFigures
from stages.bench_figures import InversionFigures
from stages.bench_morphs import MorphFigures
from stages.evaluation import Figure
from stages.synthesised import SampleCurves, SampleSequences

CLIPS = [SourceClip(Path(f"/nowhere/{name}.mp4"), name) for name in ("a", "b")]


def give(name: str) -> tuple[Path, str]:
    return Path("/nowhere") / name, "0" * 64


FILES = Files(give, (Path("/nowhere/encoder"), "e"), niqe=(Path("/nowhere/niqe"), "n"))


def test_every_table_can_be_planned_and_each_inversion_is_done_once() -> None:
    bench, morphs = Paper003(samples=3).build(CLIPS, FILES)
    runs = [name for name in bench.plan.nodes if name.startswith("figures of ")]
    assert len(runs) == len(set(runs))
    for clip in ("0", "1"):
        assert set(RIVALS.values()) == {
            name.removeprefix("figures of ").removesuffix(f"_{clip}")
            for name in runs if name.endswith(f"_{clip}")
        }  # fmt: skip
    assert set(morphs) == {
        f"{where}/{label}" for where in ("real", "synthesised")
        for label in ("i2s", "in-domain", "joint")
    }  # fmt: skip
    straight, curved = (bench.plan.nodes[f"sequences_{s}"].stage for s in ("synthesised", "curved"))
    assert type(straight) is SampleSequences and type(curved) is SampleCurves
    assert curved.samples == 3
    edits = bench.plan.nodes["edits of joint_curved"].stage
    assert isinstance(edits, AddEditFigures) and edits.path == "curved"


def test_a_table_needs_no_more_than_it_shows() -> None:
    bench, morphs = Paper003(tables=(3,)).build(CLIPS, FILES)
    assert not morphs and not any(name.startswith("clip_") for name in bench.plan.nodes)
    assert {s.row.clip for s in bench.subjects} == {"synthesised"}
    bench, _ = Paper003(tables=(6,)).build(CLIPS, FILES)
    assert "edits of joint_0" not in bench.plan.nodes
    assert "in-domain_0" not in bench.plan.nodes


def features(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 320)).astype(np.float32)


def made(node: str) -> object:
    """Stands in for what a node gives: ours is a half of I2S."""
    value = 0.01 if "joint" in node else 0.02
    names = ("mse", "perceptual_effnetlite0", "niqe_skvideo")

    def figures(prefix: str) -> tuple[Figure, ...]:
        return tuple(Figure(f"{prefix}{n}", "face", value, "lower", count=5) for n in names)

    if node.startswith("morphs"):
        wanted = features(1, 0 if "real" in node else 6)
        return MorphFigures(6, figures("morph_"), wanted, features(2, 6))
    return InversionFigures(
        5, 1, 4, 1.0, 1.0, (*figures(""), *figures("edit_")),
        features(1, 5), features(2, 5), features(3, 5), features(4, 5),
    )  # fmt: skip


def test_ours_stand_beside_the_papers_with_ratios() -> None:
    settings = Paper003()
    bench, morphs = settings.build(CLIPS, FILES)
    compared = settings.compare(bench, morphs, made)
    assert [(c.table, c.part) for c in compared] == [
        (number, part) for number, parts in TABLES.items() for part in parts
    ]
    for each in compared:
        for line in each.lines:
            assert len(line.papers) == len(each.part.metrics)
            if line.method == "pSp":
                assert line.note == NO_PSP and not line.ours
            else:
                assert all(cell.value is not None for cell in line.ours), (each.table, line)
    text = as_text(compared, OURS, SETS, ["age"])
    assert "10 x0.50 24.395 x0.70" in " ".join(text.split())  # the synthesised MSE, e-3
    assert f"pSp: {NO_PSP}" in text
    assert '"table": 8' in as_json(compared, {})


def test_without_clips_and_for_failures_the_reason_stands_there() -> None:
    settings = Paper003(tables=(1, 5), samples=1)
    bench, morphs = settings.build([], FILES)

    def result(node: str) -> object:
        return "the power went out" if node == "figures of i2s_synthesised" else made(node)

    def edited(node: str) -> object:
        return result(next(iter(n.name for n in sources(bench.plan.nodes[node].inputs["figures"]))))

    real, synthesised, morphing = settings.compare(bench, morphs, edited)
    assert {line.note for line in real.lines} == {NO_CLIP, NO_PSP}
    (i2s,) = [line for line in synthesised.lines if line.method == "I2S"]
    assert i2s.note == "the power went out"
    assert "two clips or sequences" in next(x for x in morphing.lines if x.method == "Ours").note
    text = as_text([real, synthesised, morphing], OURS, SETS, [])
    assert "I2S: the power went out" in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--table", "9"], "--table 9: the paper has tables 1 to 8"),
        (["--start", "zero"], "--start 'zero'"),
        (["--device", "tpu"], "--device 'tpu'"),
    ],
)
def test_what_it_refuses_is_a_sentence(arguments: list[str], told: str) -> None:
    found = CliRunner().invoke(app, ["bench", "paper-003", *arguments])
    assert isinstance(found.exception, UsageError) and told in str(found.exception)
