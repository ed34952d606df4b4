"""What a render needs loaded, in the precision that the stage was asked for."""

from pathlib import Path

import pytest
import torch

from pipeline.stage import Context
from stages import joint_inversion
from stages.joint_inversion import Precision
from stages.network_weights import GeneratorWeights, HeadWeights
from stages.networks import mobile_stylegan
from stages.render import RenderClip
from stages.render_photo import RenderPhoto
from stages.strip import DrawStrip
from tests.stages import tiny


@pytest.mark.parametrize(("precision", "kind"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_each_stage_that_renders_does_so_in_its_precision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: Precision, kind: torch.dtype
) -> None:
    generator = tiny.renderable()
    monkeypatch.setattr(mobile_stylegan, "ROUNDED", 8)
    monkeypatch.setattr(joint_inversion, "load_mobile_stylegan", lambda _: None)
    monkeypatch.setattr(joint_inversion, "load_heads", lambda *_: generator)
    weights = GeneratorWeights("g", tmp_path, "0" * 64), HeadWeights(tmp_path, "0" * 64, "g")
    w_plus = generator.generator.broadcast(torch.zeros(1, 16))
    for stage in (
        RenderClip(precision=precision),
        RenderPhoto(precision=precision),
        DrawStrip(headings=("none",), precision=precision),
    ):
        loaded = stage.load(*weights, Context(tmp_path)).generator
        assert loaded.generator.features(w_plus, 128).dtype == kind
        assert loaded(w_plus, 256).dtype == torch.float32
