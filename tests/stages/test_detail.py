"""The source's own detail, moved along with the edit."""

import cv2
import numpy as np
import pytest

from stages.artifacts import F32, U8
from stages.detail import FLOW_SIZE, edit_flow, with_moved_detail


def texture(size: int, seed: int = 0) -> F32:
    """(size, size, 3) smooth colours in [40, 215]."""
    fine = np.random.default_rng(seed).normal(size=(size, size, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(fine, (0, 0), size / 40)
    return np.asarray(np.clip(128 + smooth * (40 / smooth.std()), 40, 215), np.float32)


def blob(size: int, centre: tuple[float, float]) -> F32:
    """(size, size, 3) a bump of 30 at ``centre`` (x, y)."""
    y, x = np.mgrid[:size, :size]
    away = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2) / (size / 64) ** 2
    return np.asarray(30 * np.exp(-away / 2)[..., None].repeat(3, axis=2), np.float32)


def middle(bump: F32) -> tuple[float, float]:
    """Centre of mass (x, y) of what is above a third of the peak."""
    weight = np.where(bump.mean(axis=2) > 10, bump.mean(axis=2), 0)
    y, x = np.mgrid[: len(weight), : len(weight)]
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


def whole(picture: F32) -> U8:
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def shown(source: F32, inverted: F32, edited: F32) -> F32:
    flow, trust = edit_flow(whole(edited), whole(inverted))
    return with_moved_detail(source, inverted, edited, flow, trust)


@pytest.mark.parametrize("size", [256, 512])
def test_no_edit_is_the_source(size: int) -> None:
    inverted, source = texture(size), texture(size, seed=1)
    flow, trust = edit_flow(whole(inverted), whole(inverted))
    assert not flow.any() and (trust == 1).all()
    result = with_moved_detail(source, inverted, inverted, flow, trust)
    # Float rounding of a + (b - a) is all there may be; no sample of eight bits moves by it.
    np.testing.assert_allclose(result, source, atol=1e-3)
    np.testing.assert_array_equal(with_moved_detail(source, np.zeros_like(source),
                                  np.zeros_like(source), flow, trust), source)  # fmt: skip


@pytest.mark.parametrize("size", [256, 512])
@pytest.mark.parametrize("shift", [(6, 0), (-4, 5)])
def test_detail_moves_with_the_face(size: int, shift: tuple[int, int]) -> None:
    """``shift`` in pixels at 256."""
    by = (shift[0] * size // 256, shift[1] * size // 256)
    inverted = texture(size)
    edited = np.roll(inverted, (by[1], by[0]), axis=(0, 1))
    at = (size * 0.55, size * 0.45)
    result = shown(inverted + blob(size, at), inverted, edited)
    moved = result - edited
    x, y = middle(moved)

    assert abs(x - at[0] - by[0]) < size / 128 and abs(y - at[1] - by[1]) < size / 128
    assert moved.max() > 20


def test_a_perfect_inversion_shows_the_edited_render_alone() -> None:
    inverted, edited = texture(256), texture(256, seed=2)
    np.testing.assert_allclose(shown(inverted, inverted, edited), edited, atol=1e-3)


def test_detail_is_damped_where_flow_is_not_trusted() -> None:
    source, inverted = texture(256, 1), texture(256)
    edited = inverted + 20  # no less textured
    flow = np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32)
    trust = np.ones((FLOW_SIZE, FLOW_SIZE), np.float32)
    trust[:, : FLOW_SIZE // 2] = 0
    result = with_moved_detail(source, inverted, edited, flow, trust)
    np.testing.assert_allclose(result[:, :126], edited[:, :126], atol=1e-3)
    np.testing.assert_allclose(result[:, 130:], (edited + source - inverted)[:, 130:], atol=1e-3)


def test_flow_is_of_the_stated_size_direction_and_bound() -> None:
    inverted = texture(512)
    edited = np.roll(inverted, 20, axis=1)
    flow, trust = edit_flow(whole(edited), whole(inverted))
    assert flow.shape == (FLOW_SIZE, FLOW_SIZE, 2) and trust.shape == (FLOW_SIZE, FLOW_SIZE)
    inner = flow[40:-40, 40:-40]
    # Pixel p of the edited render shows what is at p + flow(p) in the inverted one.
    np.testing.assert_allclose(np.median(inner, axis=(0, 1)), [-10, 0], atol=0.5)
    assert trust.min() >= 0 and trust.max() <= 1 + 1e-6
    assert np.median(trust[40:-40, 40:-40]) > 0.9

    unlike, _ = edit_flow(whole(texture(256, 5)), whole(texture(256, 6)))
    assert np.linalg.norm(unlike, axis=2).max() < 40


def fine_energy(picture: F32) -> float:
    return float(np.square(picture - cv2.GaussianBlur(picture, (0, 0), 4)).mean())


def striped(size: int, seed: int) -> F32:
    """(size, size, 3) fine grey lines of amplitude 6, as wrinkles would be."""
    x = np.arange(size) + np.random.default_rng(seed).uniform(0, 9)
    lines = 6 * np.sin(2 * np.pi * x / (size / 64))
    return np.asarray(np.tile(lines[None, :, None], (size, 1, 3)), np.float32)


@pytest.mark.parametrize("size", [256, 512])
def test_fine_detail_fades_where_the_edit_smooths_and_coarse_detail_stays(size: int) -> None:
    """The right half of the edited render has lost its texture; the left half kept it."""
    smooth = cv2.GaussianBlur(texture(size), (0, 0), size / 16)
    inverted = smooth + striped(size, 1)
    edited = inverted.copy()
    edited[:, size // 2 :] = smooth[:, size // 2 :] + 10
    wrinkles, tint = striped(size, 2), np.array([5, -4, 3], np.float32)
    no_flow = np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32)
    sure = np.ones((FLOW_SIZE, FLOW_SIZE), np.float32)
    carried = with_moved_detail(inverted + wrinkles + tint, inverted, edited, no_flow, sure)
    carried = carried - edited
    left, right = carried[:, : size // 4], carried[:, -size // 4 :]

    np.testing.assert_allclose(left, (wrinkles + tint)[:, : size // 4], atol=0.5)
    assert fine_energy(right) < 0.1 * fine_energy(left)
    np.testing.assert_allclose(right.mean(axis=(0, 1)), tint, atol=0.5)


def test_an_edit_that_adds_texture_damps_nothing() -> None:
    inverted = cv2.GaussianBlur(texture(256), (0, 0), 64)
    source, edited = inverted + striped(256, 3), inverted + striped(256, 4)
    no_flow = np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32)
    sure = np.ones((FLOW_SIZE, FLOW_SIZE), np.float32)
    result = with_moved_detail(source, inverted, edited, no_flow, sure)
    np.testing.assert_allclose(result, edited + source - inverted, atol=0.05)


@pytest.mark.parametrize("size", [256, 512])
def test_what_an_edit_does_to_a_feature_that_the_source_has_not_is_not_shown(size: int) -> None:
    """The inversion has two blobs and the edit takes both away; the source has the left one."""
    skin = np.full((size, size, 3), 120, np.float32)
    left, right = (6 * blob(size, (size * x, size / 2)) for x in (0.3, 0.7))
    flow = np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32)
    sure = np.ones((FLOW_SIZE, FLOW_SIZE), np.float32)
    result = with_moved_detail(skin + left, skin + left + right, skin - 20, flow, sure)
    there, absent = result[size // 2, round(size * 0.3)], result[size // 2, round(size * 0.7)]
    assert np.abs(there - 100).max() < 5, "what both have is taken away"
    assert np.abs(absent - 100).max() < 40, "little of a hole is left where there was nothing"
    without = (skin - 20) + (skin + left) - (skin + left + right)
    hole = 100 - without[size // 2, round(size * 0.7)]
    assert hole.min() > 160, "as there would be"


def line(size: int, depth: float, column: float = 0.5) -> F32:
    """(size, size, 3) 150 with a dark fold down it, as wide as folds are."""
    x = (np.arange(size) / size - column) / (1 / 60)
    row = 150 - depth * np.exp(-np.square(x) / 2)
    return np.tile(row[None, :, None], (size, 1, 3)).astype(np.float32)


def depth_of(picture: F32, column: float = 0.5) -> float:
    """How much darker it is there than at the edges, half way down."""
    size = len(picture)
    row = picture[size // 2].mean(axis=1)
    return float(row[: size // 8].mean() - row[int(column * size)])


STILL = np.zeros((FLOW_SIZE, FLOW_SIZE, 2), np.float32), np.ones((FLOW_SIZE, FLOW_SIZE), np.float32)


@pytest.mark.parametrize("size", [256, 512])
def test_a_fold_goes_although_the_inversion_showed_half_of_it(size: int) -> None:
    source, inverted, edited = line(size, 20), line(size, 10), line(size, 0)
    assert depth_of(source) > 19
    assert depth_of(with_moved_detail(source, inverted, edited, *STILL)) < 4, "carried, it was 10"


def test_what_the_edit_leaves_alone_or_adds_to_stays() -> None:
    source = line(512, 20) + line(512, 10, 0.25) - 150
    inverted = line(512, 10)
    # Elsewhere a fold of the inversion goes; here one is made deeper.
    edited = line(512, 14) + line(512, 10, 0.75) - 150
    result = with_moved_detail(source, inverted, edited, *STILL)
    assert depth_of(result) == pytest.approx(24, abs=1)
    assert depth_of(result, 0.25) == pytest.approx(10, abs=1)
    assert depth_of(result, 0.75) == pytest.approx(10, abs=1)
