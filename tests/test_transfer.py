"""References that cannot be used: one sentence, the right exit code, nothing written."""

import pickle
from pathlib import Path

import pytest

from pipeline.commands.job import Request, execute
from pipeline.failure import PipelineError
from pipeline.options import RunOptions


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("noface_video_90.mov", 4, "noface_video_90.mov: no face was found"),
        ("noface_corrupted.mp4", 3, "the reference"),
        ("portrait_d0.mp4@500-501", 3, "the reference"),
        ("portrait_d0.mp4@2-1", 2, "is empty"),
        ("gone.mp4", 3, "cannot be read"),
        ("pickle.safetensors", 3, "is not a motion file"),
    ],
)
def test_a_reference_that_cannot_be_used(
    assets: Path,
    weights: object,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    code: int,
    said: str,
) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    clip = clips / "target.mp4"
    clip.write_bytes((assets / "clips" / "portrait_d18.mp4").read_bytes())
    (tmp_path / "pickle.safetensors").write_bytes(pickle.dumps([1]))
    folder = tmp_path if name.startswith("pickle") else assets / "clips"
    options = RunOptions.model_validate(
        {"transfer": f"{folder / name}", "transfer_what": "rows:4-8", "work_dir": tmp_path / "work"}
    )
    try:
        found = execute(Request(clips=(clip,), options=options, verbosity=-1))
        told = capsys.readouterr().err
    except PipelineError as error:
        found, told = error.exit_code, f"{error}\n"
    assert found == code
    assert said in told and told.count("\n") == 1
    assert [each.name for each in clips.iterdir()] == ["target.mp4"]
