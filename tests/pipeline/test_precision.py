"""bf16 is taken where the processor has it, and never where something else was asked for."""

from pathlib import Path

import pytest

from pipeline import device, precision
from pipeline.batch import BatchRecord
from pipeline.commands.clip import settings
from pipeline.jobs import Job
from pipeline.options import RunOptions

FLAGS = "processor\t: 0\nflags\t\t: fpu avx512f {}\nbugs\t\t: avx512_bf16\n"


@pytest.mark.parametrize(
    ("flag", "cuda", "on", "found"),
    [
        ("avx512_bf16", False, "auto", "bf16"),
        ("amx_bf16 avx2", False, "cpu", "bf16"),
        ("avx512_bf160", False, "auto", "fp32"),
        ("", False, "cpu", "fp32"),
        ("avx512_bf16", True, "auto", "fp32"),
        ("avx512_bf16", True, "cpu", "bf16"),
        ("avx512_bf16", False, "cuda", "fp32"),
    ],
)
def test_auto_goes_by_what_does_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flag: str, cuda: bool, on: str, found: str
) -> None:
    monkeypatch.setattr(device, "why_not_cuda", lambda: None if cuda else "none here")
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(FLAGS.format(flag))
    assert precision.choose("auto", on) == found  # type: ignore[arg-type]
    for asked in ("fp32", "bf16"):
        assert precision.choose(asked, on) == asked  # type: ignore[arg-type]


def test_a_processor_that_does_not_tell_gets_fp32(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision, "CPUINFO", tmp_path / "none")
    assert precision.choose("auto", "cpu") == "fp32"


@pytest.mark.parametrize("can", [True, False])
def test_a_run_and_its_plan_are_in_what_was_chosen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, can: bool
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda: can)
    chosen = "bf16" if can else "fp32"
    for asked, found in (("auto", chosen), ("fp32", "fp32"), ("bf16", "bf16")):
        options = RunOptions(edit=("age=+2",), device="cpu", precision=asked)  # type: ignore[arg-type]
        assert settings(options, tmp_path / "out.mp4").precision == found
        moved = options.model_copy(update={"edit": (), "transfer": ("ref.mp4",)})
        assert moved.chosen_precision == ("bf16" if asked == "bf16" else "fp32")


def test_a_batch_keeps_what_was_chosen_when_it_was_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda: True)
    whole = RunOptions(edit=("age=+2",), device="cpu")
    asked = (whole, whole.model_copy(update={"precision": "fp32"}))
    jobs = tuple(Job(i, tmp_path / "a.mp4", tmp_path / f"{i}.mp4", o) for i, o in enumerate(asked))
    kept = BatchRecord.of("", whole, jobs, overwrite=False).model_dump_json()
    monkeypatch.setattr(precision, "multiplies_bf16", lambda: False)
    again = [each.job() for each in BatchRecord.model_validate_json(kept).jobs]
    assert [settings(j.options, j.target).precision for j in again] == ["bf16", "fp32"]
