"""Two waves of windows: every row gets one code, and windows meet in the code they share."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import numpy as np
import pytest

from pipeline.stage import Context
from stages import crop_faces, invert_windows, joint_inversion
from stages.artifacts import F32, U8, Alignment, SourceClip
from stages.crop_faces import CropFaces
from stages.inversion_artifacts import AlignedFaces, Encoded, Latents, TrackStarts
from stages.invert_windows import BridgeAnchors, InvertAnchors, between
from stages.joint_inversion import Inverted, Inverter
from tests.stages import tiny

CONTEXT = Context(Path())


class Counting:
    """Stands in for the inversion: every solved code is new, every fixed one is kept."""

    def __init__(self) -> None:
        self.solved = 0
        self.calls: list[tuple[int, tuple[int, ...]]] = []

    def __call__(
        self, inverter: object, crops: U8, start: F32, pairs: Any, *_: object,
        fixed: Sequence[int] = (), **__: object,
    ) -> Inverted:  # fmt: skip
        assert len(pairs.visible) == len(crops) - 1
        self.calls.append((len(crops), tuple(fixed)))
        w_plus = start.copy()
        for i in range(len(crops)):
            if i not in fixed:
                self.solved += 1
                w_plus[i] = self.solved
        return Inverted(w_plus, np.full(len(crops), 20, np.float32))


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Counting:
    fake = Counting()
    monkeypatch.setattr(invert_windows, "invert_jointly", fake)
    return fake


def windows_of(alignment: Alignment) -> list[AlignedFaces]:
    """As CropFaces cuts them, from a clip without pixels."""

    def frames(_: object, __: object, first: int, last: int, threads: int) -> list[Mock]:
        return [Mock() for _ in range(first, last)]

    def nothing(*_: object) -> U8:
        return np.zeros((4, 4, 3), np.uint8)

    clip, video = SourceClip(Path("none"), "0" * 64), tiny.video(200)
    with patch.object(crop_faces, "read_planes", frames), patch.object(crop_faces, "crop", nothing):
        return list(CropFaces().run(clip, video, alignment, CONTEXT))


def encoding(window: AlignedFaces, code: F32) -> Encoded:
    """Every frame encoded to the same code, (rows, style_dim)."""
    w_plus = np.repeat(code[None], len(window.frame), axis=0)
    return Encoded(window.track, window.frame, w_plus)


def both_waves(
    windows: list[AlignedFaces], loaded: Any = None, **settings: int
) -> tuple[list[Latents], list[Latents]]:
    """Anchors and all codes, wired as the plan wires them."""
    tracks = sorted({w.track for w in windows})
    mean = np.zeros((5, 3), np.float32) if loaded is None else loaded.mean_code()
    starts = TrackStarts(
        track=np.array(tracks, np.int32),
        offset=np.zeros((len(tracks), *mean.shape), np.float32),
        psnr=np.zeros(len(tracks), np.float32),
    )
    encoded = [encoding(w, mean) for w in windows]
    flows = [tiny.still(len(w.frame), 16) for w in windows]
    first, second = InvertAnchors(**settings), BridgeAnchors(**settings)
    anchors = [
        first.run(loaded, w, flow, e, starts, CONTEXT)
        for w, flow, e in zip(windows, flows, encoded, strict=True)
    ]
    found = [
        second.run(loaded, w, flow, e, a, b, CONTEXT)
        for w, flow, e, a, b in zip(
            windows, flows, encoded, anchors, [*anchors[1:], None], strict=True
        )
    ]
    return anchors, found


def assert_every_row_once(alignment: Alignment, found: list[Latents]) -> None:
    shown = alignment.weight > 0
    solved = [(item.track, int(at)) for item in found for at in item.frame]
    assert solved == list(
        zip(alignment.track[shown].tolist(), alignment.frame[shown].tolist(), strict=True)
    )
    for item in found:
        assert item.w_plus.shape[0] == item.psnr.shape[0] == len(item.frame)


@pytest.mark.parametrize("length", range(1, 31))
def test_every_row_of_a_run_gets_one_code(counting: Counting, length: int) -> None:
    alignment = tiny.alignment((0, range(length)))
    _, found = both_waves(windows_of(alignment))
    assert_every_row_once(alignment, found)
    every = np.concatenate([item.w_plus[:, 0, 0] for item in found])
    assert (every > 0).all(), "a frame kept the start it was given"
    assert len(set(every.tolist())) == length, "two frames have one code"


def test_tracks_and_gaps_do_not_mix(counting: Counting) -> None:
    random = np.random.default_rng(0)
    weight = (random.uniform(size=105) > 0.08).astype(np.float32)
    alignment = tiny.alignment(
        (0, range(41)), (0, range(45, 60)), (3, range(4)), (4, range(45)), weight=weight
    )
    _, found = both_waves(windows_of(alignment))
    assert len({item.track for item in found}) == 3
    assert_every_row_once(alignment, found)


def test_windows_meet_in_the_next_ones_first_anchor(counting: Counting) -> None:
    alignment = tiny.alignment((0, range(25)))
    windows = windows_of(alignment)
    anchors, found = both_waves(windows)
    whole = np.concatenate([item.w_plus for item in found])
    for anchor in anchors:
        at = int(anchor.frame[0])
        np.testing.assert_array_equal(whole[at : at + len(anchor.frame)], anchor.w_plus)
    # The second wave keeps its own last anchor and the next window's first, in between are three.
    assert counting.calls[-3:] == [(5, (0, 4)), (5, (0, 4)), (5, (0,))]


def test_a_bridge_starts_between_its_two_anchors(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[F32] = []

    def remember(_: object, crops: U8, start: F32, *__: object, **___: object) -> Inverted:
        seen.append(start[:, 0, 0].copy())
        return Inverted(start, np.zeros(len(start), np.float32))

    monkeypatch.setattr(invert_windows, "invert_jointly", remember)
    window = windows_of(tiny.alignment((0, range(17))))[0]

    def latents(row: int, count: int, value: float) -> Latents:
        w_plus = np.full((count, 5, 3), value, np.float32)
        frame = np.arange(row, row + count, dtype=np.int32)
        return Latents(0, frame, np.zeros(count, np.float32), w_plus)

    encoded = encoding(window, np.zeros((5, 3), np.float32))
    ends = latents(0, 5, 2), latents(8, 5, 6)
    BridgeAnchors().run(None, window, tiny.still(9, 16), encoded, *ends, CONTEXT)  # type: ignore[arg-type]
    np.testing.assert_allclose(seen[0], [2, 3, 4, 5, 6])
    # What the encoder saw on the way is kept: here its own frame 6 stands out by 0.5.
    encoded.w_plus[6] += 0.5
    BridgeAnchors().run(None, window, tiny.still(9, 16), encoded, *ends, CONTEXT)  # type: ignore[arg-type]
    np.testing.assert_allclose(seen[1], [2, 3, 4.5, 5, 6])


def test_anchors_start_at_the_encoder_and_what_it_misses(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[F32] = []

    def remember(_: object, crops: U8, start: F32, *__: object, **___: object) -> Inverted:
        seen.append(start[:, 0, 0].copy())
        return Inverted(start, np.zeros(len(start), np.float32))

    monkeypatch.setattr(invert_windows, "invert_jointly", remember)
    window = windows_of(tiny.alignment((0, range(4)), (3, range(17))))[1]
    encoded = encoding(window, np.zeros((5, 3), np.float32))
    encoded.w_plus[:] += np.arange(9, dtype=np.float32)[:, None, None]
    offset = np.array([1, 20], np.float32)[:, None, None] * np.ones((2, 5, 3), np.float32)
    starts = TrackStarts(np.array([0, 3], np.int32), offset, np.zeros(2, np.float32))
    InvertAnchors().run(None, window, tiny.still(9, 16), encoded, starts, CONTEXT)  # type: ignore[arg-type]
    np.testing.assert_allclose(seen[0], [20, 21, 22, 23, 24])


def test_a_runs_end_follows_the_encoder() -> None:
    encoded = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 2, 3), np.float32)
    left, right = np.full((2, 3), 7, np.float32), np.full((2, 3), 10, np.float32)
    np.testing.assert_allclose(between(encoded, left, right)[:, 0, 0], [7, 8, 9, 10])
    assert (between(encoded, left, right + 0.1)[-1] == right + np.float32(0.1)).all()


def test_a_window_that_lost_its_next_is_told(counting: Counting) -> None:
    windows = windows_of(tiny.alignment((0, range(17)), (1, range(17))))
    anchors, _ = both_waves(windows)
    for wrong in (None, anchors[2]):
        with pytest.raises(ValueError, match="the window at frame 0 has lost its next"):
            BridgeAnchors().run(
                None, windows[0], tiny.still(9, 16), encoding(windows[0], np.zeros((5, 3))),
                anchors[0], wrong, CONTEXT,  # type: ignore[arg-type]
            )  # fmt: skip


def test_both_waves_with_a_real_inversion(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_inversion, "INVERSION_SIZE", 64)
    networks: Inverter = tiny.inverter(tiny.SMALLER)
    target = tiny.codes(networks, 10)
    crops = tiny.pictures(networks, target)
    windows = [
        AlignedFaces(0, w.frame, w.joins_next, crops[w.frame])
        for w in windows_of(tiny.alignment((0, range(10))))
    ]
    anchors, found = both_waves(windows, networks, steps=3, perceptual_size=32)
    assert_every_row_once(tiny.alignment((0, range(10))), found)
    np.testing.assert_array_equal(found[0].w_plus[:5], anchors[0].w_plus)
    np.testing.assert_array_equal(found[1].w_plus, anchors[1].w_plus)
    assert all(np.isfinite(item.w_plus).all() for item in found)
