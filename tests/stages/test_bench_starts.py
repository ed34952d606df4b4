"""Where the inverters of a bench start from."""

from pathlib import Path

import numpy as np

from pipeline.stage import Context
from stages import bench_starts
from stages.bench_starts import StartAtMean, StartNear
from stages.inversion_artifacts import AlignedFaces, Encoded, TrackStarts
from stages.network_weights import GeneratorWeights, HeadWeights
from tests.stages import tiny


def faces(count: int) -> AlignedFaces:
    return AlignedFaces(
        2, np.arange(5, 5 + count, dtype=np.int32), False, np.zeros((count, 4, 4, 3), np.uint8)
    )


def test_the_mean_is_the_same_for_every_frame(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    network = tiny.renderable(tiny.SMALLER)
    monkeypatch.setattr(bench_starts, "load_generator", lambda *_: network)
    stage = StartAtMean()
    generator = GeneratorWeights("g", Path(), "0")
    loaded = stage.load(generator, HeadWeights(Path(), "0", "g"), Context(Path()))
    found = stage.run(loaded, faces(3))
    assert (found.track, found.frame.tolist()) == (2, [5, 6, 7])
    mean = tiny.inverter(tiny.SMALLER).mean_code()
    np.testing.assert_allclose(found.w_plus, np.repeat(mean[None], 3, axis=0), atol=1e-6)


def test_the_near_start_is_the_encoders_code_with_the_tracks_offset() -> None:
    codes = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    encoded = Encoded(2, np.arange(3, dtype=np.int32), codes)
    offsets = np.stack([np.full((2, 4), 9), np.full((2, 4), 0.5)]).astype(np.float32)
    starts = TrackStarts(np.array([0, 2], np.int32), offsets, np.zeros(2, np.float32))
    found = StartNear().run(encoded, starts)
    np.testing.assert_array_equal(found.w_plus, codes + 0.5)
    assert found.w_plus.dtype == np.float32
