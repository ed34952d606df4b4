"""Where each track starts."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.stage import Context
from stages import initialise
from stages.artifacts import F32, U8, SourceClip, Video
from stages.encode import encode
from stages.initialise import InitialiseLatents, Starter
from stages.joint_inversion import INVERSION_SIZE, Inverted
from stages.media.reader import read_planes
from stages.networks.rgb_head import COARSE
from stages.quad import crop
from tests.media_fixtures import moving_picture, probe
from tests.stages import tiny


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceClip, Video]:
    path = moving_picture(tmp_path_factory.mktemp("clip") / "c.mp4", size="64x48", frames=24)
    return SourceClip(path, "0" * 64), probe(path)


@pytest.fixture(scope="module")
def networks() -> Starter:
    inverter = tiny.inverter()
    return Starter(inverter, tiny.Encoding(inverter))


def test_the_offset_is_what_all_frames_looked_at_moved_by(
    clip: tuple[SourceClip, Video], networks: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, U8, F32]] = []

    def fake(
        _: object, crops: U8, start: F32, pairs: object, *__: object, **kind: object
    ) -> Inverted:
        assert pairs is None, "frames far apart have no flow"
        assert kind["together"]
        seen.append((kind["size"], crops, start))
        values = np.arange(len(crops), dtype=np.float32)
        return Inverted(start + 1.5, values)

    monkeypatch.setattr(initialise, "invert_jointly", fake)
    weight = np.ones(38, np.float32)
    weight[:4] = weight[28:] = 0  # the first rows of track 0; the whole of track 5
    given = tiny.alignment((0, range(4, 28 - 4)), (2, range(8)), (5, range(10)), weight=weight)
    found = InitialiseLatents(frames=4, near=1).run(networks, *clip, given, Context(Path()))

    assert found.track.tolist() == [0, 2]
    np.testing.assert_allclose(found.offset, 3, atol=1e-5)
    assert found.psnr.tolist() == [1.5, 1.5]
    np.testing.assert_array_equal(found.of(2), found.offset[1])
    # First coarse, then from what that found.
    assert [size for size, *_ in seen] == [COARSE, INVERSION_SIZE] * 2
    _, crops, start = seen[0]
    assert len(crops) == 4
    np.testing.assert_array_equal(seen[1][1], crops)
    np.testing.assert_allclose(seen[1][2], start + 1.5, atol=1e-5)
    np.testing.assert_array_equal(start, encode(networks.encoder, crops, "cpu"))
    # Sixteen visible frames, 8 to 23: the middles of its quarters.
    for picture, at in zip(crops, (10, 14, 18, 22), strict=True):
        (frame,) = read_planes(clip[0].path, clip[1], at, at + 1)
        np.testing.assert_array_equal(picture, crop(frame.rgb(), given.quad[0], 256))


def test_a_short_track_uses_each_frame_once(
    clip: tuple[SourceClip, Video], networks: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(initialise, "COARSE", INVERSION_SIZE)  # the tiny generator has no heads
    told: list[tuple[int, int]] = []
    context = Context(Path(), progress=lambda done, total: told.append((done, total)))
    stage = InitialiseLatents(frames=6, steps=2, most=2, last_steps=1, perceptual_size=64)
    found = stage.run(networks, *clip, tiny.alignment((1, range(2))), context)

    assert found.offset.shape == (1, tiny.SHAPE.rows, 16)
    assert np.isfinite(found.psnr).all() and np.isfinite(found.offset).all()
    assert told == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("reached", "rounds"),
    [((30.0,), [30]), ((9.0, 23.0), [30, 30]), ((9.0,), [30, 30, 60, 80])],
)
def test_a_long_way_takes_more_rounds_each_as_long_as_all_before(
    reached: tuple[float, ...],
    rounds: list[int],
    clip: tuple[SourceClip, Video],
    networks: Starter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sizes: list[tuple[object, object]] = []

    def fake(_: object, crops: U8, start: F32, *__: object, **kind: object) -> Inverted:
        psnr = reached[min(len(sizes), len(reached) - 1)]
        sizes.append((kind["size"], kind["steps"]))
        return Inverted(start + 1, np.full(len(crops), psnr, np.float32))

    monkeypatch.setattr(initialise, "invert_jointly", fake)
    stage = InitialiseLatents(steps=30, most=200)
    found = stage.run(networks, *clip, tiny.alignment((0, range(4))), Context(Path()))
    assert sizes == [(COARSE, steps) for steps in rounds] + [(INVERSION_SIZE, stage.last_steps)]
    np.testing.assert_allclose(found.offset, len(rounds) + 1, atol=1e-4)


def test_no_track_gives_no_start(clip: tuple[SourceClip, Video], networks: Starter) -> None:
    nothing = tiny.alignment((0, range(3)), weight=np.zeros(3, np.float32))
    found = InitialiseLatents().run(networks, *clip, nothing, Context(Path()))
    assert found.offset.shape == (0, tiny.SHAPE.rows, 16)
