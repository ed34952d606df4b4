"""Flow between every two frames of a window."""

from pathlib import Path

import numpy as np
import torch

from pipeline.stage import Context
from stages.all_pairs import all_pairs
from stages.artifacts import F32, U8
from stages.flow import EstimateFlow
from stages.inversion_artifacts import AlignedFaces
from stages.objective import sampling_grid

SIZE = 32


def window(count: int) -> AlignedFaces:
    """Frame i is of brightness i."""
    levels = np.arange(count, dtype=np.uint8)[:, None, None, None]
    return AlignedFaces(
        track=0,
        frame=np.arange(count, dtype=np.int32),
        joins_next=False,
        crops=np.broadcast_to(levels, (count, SIZE, SIZE, 3)).copy(),
    )


def brightness(a: U8, b: U8) -> F32:
    """A flow to the right by as much as the second picture is brighter."""
    flow = np.zeros((SIZE, SIZE, 2), np.float32)
    flow[..., 0] = float(b.mean()) - float(a.mean())
    return flow


def test_every_two_frames_are_a_pair_with_their_own_flow(tmp_path: Path) -> None:
    found = all_pairs(window(4), EstimateFlow(size=SIZE), brightness, Context(tmp_path))
    assert found is not None
    assert list(zip(found.here, found.there, strict=True)) == [
        (0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)
    ]  # fmt: skip
    still = sampling_grid(torch.zeros(1, SIZE, SIZE, 2))
    for k, (i, j) in enumerate(zip(found.here, found.there, strict=True)):
        for grid, sign in ((found.forward, 1), (found.backward, -1)):
            shift = (grid[k] - still[0])[..., 0] * SIZE / 2
            torch.testing.assert_close(shift, torch.full_like(shift, sign * (j - i)))


def test_one_frame_has_no_pair(tmp_path: Path) -> None:
    assert all_pairs(window(1), EstimateFlow(), brightness, Context(tmp_path)) is None
