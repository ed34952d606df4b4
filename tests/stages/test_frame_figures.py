import cv2
import numpy as np
import pytest

from stages.frame_figures import FrameFigures
from stages.paired_clips import Pair

FACE = np.zeros((64, 80), bool)
FACE[16:48, 20:60] = True


def clip(frames: int = 5) -> list[np.ndarray]:
    """Texture that moves by a pixel a frame."""
    noise = np.random.default_rng(0).normal(size=(64, 120, 3))
    smooth = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 2), None, 40, 200, cv2.NORM_MINMAX)
    return [np.uint8(smooth[:, 20 - t : 100 - t]) for t in range(frames)]


def measured(
    before: list[np.ndarray], after: list[np.ndarray], cuts: tuple[int, ...] = ()
) -> dict[tuple[str, str], object]:
    figures = FrameFigures()
    for t, (a, b) in enumerate(zip(before, after, strict=True)):
        figures.add(Pair(t, t / 25, a, b), FACE, cut=t in cuts)
    return {(f.name, f.region): f for f in figures.figures()}


def test_a_clip_against_itself() -> None:
    found = measured(clip(), clip())
    assert len(found) == 12
    for region in ("overall", "face", "outside"):
        assert found["mse", region].value == 0
        assert found["psnr", region].value == float("inf")
        assert found["ssim", region].value == pytest.approx(1)
        assert found["warp_error", region].ratio == 1
        assert found["warp_error", region].count == 4


def test_what_happens_in_the_face_is_told_of_the_face() -> None:
    after = clip()
    after[2] = after[2].copy()
    after[2][FACE] += 20
    found = measured(clip(), after)
    assert found["mse", "face"].value == pytest.approx((20 / 255) ** 2 / 5)
    assert found["psnr", "face"].value == pytest.approx(10 * np.log10(255**2 / 80))
    assert found["psnr", "face"].worst_frame == 2
    assert found["psnr", "face"].worst == pytest.approx(10 * np.log10(255**2 / 400))
    assert found["psnr", "outside"].value == float("inf")
    share = FACE.mean()
    assert found["mse", "overall"].value == pytest.approx((20 / 255) ** 2 / 5 * share)
    assert found["warp_error", "face"].ratio > 10
    assert found["warp_error", "face"].worst_frame in (2, 3)
    assert found["warp_error", "outside"].ratio == 1


def test_a_darker_clip_is_as_steady_and_a_flickering_one_is_not() -> None:
    before = clip()
    darker = [np.uint8(a - 20) for a in before]
    flicker = [np.uint8(a - 20 * (t % 2)) for t, a in enumerate(before)]
    assert measured(before, darker)["warp_error", "overall"].ratio == pytest.approx(1, abs=0.05)
    assert measured(before, flicker)["warp_error", "overall"].ratio > 10


def test_no_motion_is_measured_across_a_cut() -> None:
    both = measured(clip(2), clip(2), cuts=(0, 1))
    assert both["warp_error", "face"].value is None
    assert "shot" in both["warp_error", "face"].note
    assert measured(clip(4), clip(4), cuts=(0, 2))["warp_error", "face"].count == 2


def test_a_region_that_is_nowhere_has_a_reason() -> None:
    figures = FrameFigures()
    figures.add(Pair(0, 0.0, clip()[0], clip()[0]), np.zeros_like(FACE), cut=True)
    (psnr,) = (f for f in figures.figures() if (f.name, f.region) == ("psnr", "face"))
    assert psnr.value is None
    assert psnr.note == "no frame has such pixels"
