"""An inverter on the first windows, and the figures of what it made."""

from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.stage import Context
from stages import joint_inversion
from stages.artifacts import U8
from stages.bench_faces import FaceJudges
from stages.bench_figures import InversionFigures, Judges, MeasureInversion
from stages.bench_inversion import InversionRun, RunInverter
from stages.evaluation import Figure
from stages.inversion_artifacts import AlignedFaces, Encoded
from stages.inverters import interface
from stages.inverters.i2s import I2S
from stages.inverters.i2s_plus_plus import I2SPlusPlus
from stages.inverters.interface import Networks, shown
from stages.networks import mobile_stylegan
from stages.networks.facemesh import FaceMesh, Mesh
from tests.stages import tiny

FRAMES = 5


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (joint_inversion, interface):
        monkeypatch.setattr(module, "INVERSION_SIZE", 64)


def window(crops: U8, first: int = 0) -> AlignedFaces:
    frames = np.arange(first, first + len(crops), dtype=np.int32)
    return AlignedFaces(0, frames, False, crops)


def test_the_first_windows_are_inverted_from_their_starts() -> None:
    inverter = tiny.inverter(tiny.SMALLER)
    start = tiny.codes(inverter, 2)
    faces = [window(tiny.pictures(inverter, start), first) for first in (0, 2, 4)]
    told: list[tuple[int, int]] = []
    made = RunInverter(method=I2S(steps=3, perceptual_size=32), windows=2).run(
        Networks(inverter),
        faces,
        [tiny.still(2, 32)] * 3,
        [Encoded(0, each.frame, start + 0.1 * k) for k, each in enumerate(faces)],
        Context(Path(), progress=lambda done, total: told.append((done, total))),
    )
    assert made.steps == (3, 3) and len(made.w_plus) == 4
    np.testing.assert_array_equal(made.images, shown(inverter, made.w_plus))
    assert made.noise.shape == (4, 0) and made.noise_maps() == []
    assert np.abs(made.w_plus[:2] - start).max() < 0.1  # near where each began
    assert np.abs(made.w_plus[2:] - start - 0.1).max() < 0.1
    assert made.seconds > 0 and made.cpu_seconds > 0
    assert told[-1] == (9, 9) and told == sorted(told)


def test_what_was_inverted_in_bf16_is_judged_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mobile_stylegan, "ROUNDED", 8)  # the tiny one has no larger features
    inverter = tiny.inverter(tiny.SMALLER)
    start = tiny.codes(inverter, 2)
    faces = window(tiny.pictures(inverter, tiny.codes(inverter, 2, seed=9)))
    made = {
        kind: RunInverter(method=I2S(steps=3, perceptual_size=32), precision=kind).run(
            Networks(inverter), [faces], [tiny.still(2, 32)], [Encoded(0, faces.frame, start)],
            Context(Path()),
        )
        for kind in ("bf16", "fp32")
    }  # fmt: skip
    half, whole = made["bf16"], made["fp32"]
    assert 0 < np.abs(half.w_plus - whole.w_plus).mean() < 0.02
    np.testing.assert_array_equal(half.images, shown(inverter, half.w_plus))


def test_noise_is_kept_with_the_codes_it_goes_with() -> None:
    inverter = tiny.inverter(tiny.SMALLER)
    start = tiny.codes(inverter, 2)
    faces = window(tiny.pictures(inverter, tiny.codes(inverter, 2, seed=9)))
    made = RunInverter(method=I2SPlusPlus(steps=2, perceptual_size=32)).run(
        Networks(inverter), [faces], [tiny.still(2, 32)], [Encoded(0, faces.frame, start)],
        Context(Path()),
    )  # fmt: skip
    assert made.noise_sizes == (4, 8, 8, 16, 16, 32, 32) and made.noise.any()
    np.testing.assert_array_equal(made.images, shown(inverter, made.w_plus, made.noise_maps()))


class Brow(FaceMesh):
    """Stands in for the mesh: finds a landmark where the picture is brightest, surely."""

    def __init__(self) -> None: ...

    def __call__(self, image: U8, quad: object) -> Mesh:
        row, column = np.unravel_index(image.sum(axis=2).argmax(), image.shape[:2])
        return Mesh(np.tile(np.array([[column, row]], np.float32), (468, 1)), 1.0)


def measure(faces: list[AlignedFaces], images: U8) -> InversionFigures:
    judges = Judges(tiny.judges(), FaceJudges(Brow(), None))
    codes = np.zeros((len(images), 2, 3), np.float32)
    steps = tuple(7 for _ in range(len(images) // FRAMES))
    made = InversionRun(2.0, 3.0, steps, codes, images, np.zeros((len(images), 0), np.float32))
    return MeasureInversion().run(judges, made, faces, Context(Path()))


def figure(found: InversionFigures, name: str) -> Figure:
    return next(each for each in found.figures if each.name == name)


@pytest.fixture(scope="module")
def source() -> U8:
    """A smooth picture that moves by a pixel a frame."""
    noise = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))
    picture = torch.nn.functional.interpolate(noise, (96, 128), mode="bicubic").clamp(0, 1)
    picture = np.asarray((picture[0].permute(1, 2, 0) * 255).numpy(), np.uint8)
    return np.stack([picture[:, i : i + 96] for i in range(2 * FRAMES)])


def test_the_source_itself_is_perfect(source: U8) -> None:
    faces = [window(source[:FRAMES]), window(source[FRAMES:], FRAMES), window(source[:1], 99)]
    found = measure(faces, source)
    assert (found.frames, found.windows, found.steps) == (2 * FRAMES, 2, 7)
    assert (found.seconds, found.cpu_seconds) == (2.0, 3.0)
    assert figure(found, "mse").value == 0
    assert figure(found, "psnr").value == float("inf")
    assert figure(found, "ssim").value == pytest.approx(1)
    warp = figure(found, "warp_error")
    assert warp.ratio == pytest.approx(1) and warp.count == 2 * (FRAMES - 1)
    assert figure(found, "tl_id").value is None and "--identity" in figure(found, "tl_id").note
    assert figure(found, "landmark_jitter").ratio in (None, pytest.approx(1))
    np.testing.assert_array_equal(found.features, found.source_features)
    assert found.features.shape[0] == 2 * FRAMES


def test_flicker_shows_in_the_warp_error_and_a_shift_only_in_mse(source: U8) -> None:
    faces = [window(source[:FRAMES])]
    dark = source[:FRAMES].astype(int)
    steady = np.clip(dark - 10, 0, 255).astype(np.uint8)
    flicker = np.clip(dark - 10 * (np.arange(FRAMES) % 2)[:, None, None, None], 0, 255)
    even, uneven = measure(faces, steady), measure(faces, flicker.astype(np.uint8))
    assert figure(even, "mse").value == pytest.approx((10 / 255) ** 2, rel=0.1)
    ratios = [figure(found, "warp_error").ratio for found in (even, uneven)]
    assert ratios[0] is not None and ratios[1] is not None
    assert ratios[0] < 1.2 and ratios[1] > 5
    assert figure(even, "perceptual_apart").value == pytest.approx(10, rel=0.1)
