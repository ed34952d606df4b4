"""Flow estimators by name: DIS, and RAFT-small through ptlflow."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pipeline.failure import MissingDependency, UsageError
from stages.artifacts import F32, U8
from stages.media.reader import read_rgb
from stages.metrics.warp_error import warp
from stages.networks.flow_models import FlowModel, load_flow_model
from tests.media_fixtures import probe

SHIFT = (5.0, -3.0)


@pytest.fixture(scope="module")
def raft(assets: Path, tmp_path_factory: pytest.TempPathFactory) -> FlowModel:
    """RAFT-small with the authors' weights, in the form that ptlflow keeps checkpoints in."""
    file = assets / "weights" / "flow_raft_small" / "raft-small.pth"
    original = torch.load(file, map_location="cpu", weights_only=True)
    state = {k.removeprefix("module."): v for k, v in original.items()}
    checkpoint = tmp_path_factory.mktemp("raft") / "raft-small.ckpt"
    torch.save({"state_dict": state}, checkpoint)
    return load_flow_model("raft_small", str(checkpoint), "cpu")


def texture(shift: tuple[float, float] = (0, 0)) -> U8:
    """(128, 160, 3) smooth random colours; a pixel p of the first is at p + shift in the other."""
    fine = np.random.default_rng(0).normal(size=(192, 224, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(fine, (0, 0), 3)
    grid = np.array([[1, 0, shift[0] - 32], [0, 1, shift[1] - 32]], np.float32)
    seen = cv2.warpAffine(smooth, grid, (160, 128), flags=cv2.INTER_LINEAR)
    return np.asarray(np.clip(128 + seen * (50 / smooth.std()), 0, 255), np.uint8)


def assert_found(model: FlowModel, within: float) -> None:
    flow = model(texture(), texture(SHIFT))
    assert flow.shape == (128, 160, 2) and flow.dtype == np.float32
    inner = flow[16:-16, 16:-16]
    assert np.abs(np.median(inner, axis=(0, 1)) - SHIFT).max() < within
    assert np.abs(inner - SHIFT).mean() < 2 * within


def test_dis_finds_a_translation() -> None:
    assert_found(load_flow_model("dis", "", "cpu"), 0.15)


@pytest.mark.slow
def test_raft_finds_a_translation(raft: FlowModel) -> None:
    assert_found(raft, 0.3)


@pytest.mark.slow
def test_raft_agrees_with_torchvisions(assets: Path, raft: FlowModel) -> None:
    """Another implementation on the same file; its layers come in the same order."""
    from torchvision.models.optical_flow import raft_small

    file = assets / "weights" / "flow_raft_small" / "raft-small.pth"
    reference = raft_small().eval()
    original = torch.load(file, map_location="cpu", weights_only=True)
    names = reference.state_dict().keys()
    # Other names, the same order; load_state_dict compares the shapes.
    reference.load_state_dict(dict(zip(names, original.values(), strict=True)))
    a, b = texture(), texture(SHIFT)

    def tensor(picture: U8) -> torch.Tensor:
        return torch.tensor(picture).permute(2, 0, 1)[None].float() / 127.5 - 1

    with torch.no_grad():
        flow = reference(tensor(a), tensor(b), num_flow_updates=32)[-1]
    wanted: F32 = flow[0].permute(1, 2, 0).numpy()
    assert np.abs(raft(a, b) - wanted).max() < 0.02


@pytest.mark.slow
def test_raft_halves_the_error_between_frames_half_a_second_apart(
    assets: Path, raft: FlowModel
) -> None:
    path = assets / "clips" / "portrait_d18.mp4"
    video = probe(path, end=3.2)
    frames = list(read_rgb(path, video, 0, 91, 15))
    still, warped = [], []
    for a, b in zip(frames[:-1:2], frames[1::2], strict=False):
        here = a.astype(np.float32)
        there = b.astype(np.float32)
        still.append(float(np.square(here - there).mean()))
        warped.append(float(np.square(here - warp(there, raft(a, b))).mean()))
    assert sum(warped) < 0.5 * sum(still)


@pytest.mark.slow
def test_names_that_ptlflow_does_not_know_are_told() -> None:
    with pytest.raises(UsageError, match="Flow model 'fast' is unknown: use dis"):
        load_flow_model("fast", "things", "cpu")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["absent", "garbage"])
def test_a_checkpoint_that_cannot_be_had_is_told(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "raft.ckpt"
    if kind == "garbage":
        file.write_bytes(b"not a checkpoint")
    with pytest.raises(MissingDependency, match=r"raft\.ckpt' of flow model 'raft_small' cannot"):
        load_flow_model("raft_small", str(file), "cpu")


def test_dis_needs_no_ptlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ptlflow", None)
    model: Callable[[U8, U8], F32] = load_flow_model("dis", "things", "cpu")
    assert model(texture(), texture()).shape == (128, 160, 2)
