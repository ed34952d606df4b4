"""Pasting an edit: where it lands, and what it leaves alone."""

import cv2
import numpy as np
import pytest

from stages.artifacts import F32, Bool, Video
from stages.composite import Patch, in_frame, paste
from stages.media.orientation import to_coded, to_upright
from stages.media.planes import Planes, chroma_mask, layout_of
from stages.outline import mask_hull
from stages.quad import crop
from tests.stages import tiny

EIGHT = [(rotation, flip) for rotation in (0, 90, 180, 270) for flip in (False, True)]
CENTRE, RADIUS, SIDE = (44.0, 36.0), 12.0, 50.0
"""Of the face, in the upright picture of 96x72 or 72x96."""


def noise(video: Video) -> Planes:
    random = np.random.default_rng(3)
    width, height = layout_of(video).chroma_size(video.width, video.height)
    sizes = [(video.height, video.width), (height, width), (height, width)]
    y, cb, cr = (random.integers(90, 150, size).astype(np.uint8) for size in sizes)
    return y, cb, cr


def turned(rotation: int = 0, flip: bool = False, pix_fmt: str = "yuv444p") -> Video:
    return tiny.video(size=(96, 72), rotation=rotation, flip=flip, pix_fmt=pix_fmt)


def patch(delta: F32, side: float = SIDE) -> Patch:
    return Patch(tiny.square(CENTRE, side), tiny.oval(CENTRE, RADIUS), delta)


def hull_mask(video: Video, grow: int = 0) -> Bool:
    """(H, W) coded: pixels that the head hull touches, and ``grow`` more around them."""
    width, height = video.upright_size
    mask = np.zeros((height, width), np.uint8)
    hull = mask_hull(tiny.oval(CENTRE, RADIUS))
    cv2.fillPoly(mask, [np.rint(hull - 0.5).astype(np.int32)], 1)
    grown = cv2.dilate(mask, np.ones((2 * grow + 1, 2 * grow + 1), np.uint8))
    return to_coded(grown, video).astype(bool)


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_no_edit_leaves_every_plane_as_it_was(rotation: int, flip: bool, pix_fmt: str) -> None:
    video = turned(rotation, flip, pix_fmt)
    planes = noise(video)
    after = paste(planes, video, [patch(np.zeros((64, 64, 3), np.float32))] * 2)
    assert all(np.array_equal(a, b) for a, b in zip(after, planes, strict=True))
    assert paste(planes, video, []) is planes


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p"])
def test_outside_the_head_nothing_changes(rotation: int, flip: bool, pix_fmt: str) -> None:
    video = turned(rotation, flip, pix_fmt)
    planes = noise(video)
    delta = np.full((64, 64, 3), 60, np.float32)
    delta[..., 2] = -60  # so that chroma moves as well
    y, cb, cr = paste(planes, video, [patch(delta)])
    touched = hull_mask(video, grow=1)
    reach = chroma_mask(touched, video)

    np.testing.assert_array_equal(y[~touched], planes[0][~touched])
    np.testing.assert_array_equal(cb[~reach], planes[1][~reach])
    np.testing.assert_array_equal(cr[~reach], planes[2][~reach])
    core = hull_mask(video) & ~cv2.dilate(
        (~hull_mask(video)).astype(np.uint8), np.ones((3, 3), np.uint8)
    ).astype(bool)
    inside = to_coded(np.zeros(video.upright_size[::-1], bool), video)
    width, height = video.upright_size
    yy, xx = np.mgrid[:height, :width] + 0.5
    square = (np.abs(xx - CENTRE[0]) < SIDE / 2 - 2) & (np.abs(yy - CENTRE[1]) < SIDE / 2 - 2)
    inside = core & to_coded(square, video)
    assert inside.sum() > 500 and (y[inside] != planes[0][inside]).all()


@pytest.mark.parametrize(("rotation", "flip"), EIGHT)
def test_an_edit_lands_where_the_crop_shows_it(rotation: int, flip: bool) -> None:
    """A bump left of and above the middle of the crop, seen again in the upright picture."""
    video = turned(rotation, flip)
    planes = noise(video)
    y, x = np.mgrid[:100, :100] + 0.5
    bump = 80 * np.exp(-((x - 35) ** 2 + (y - 42) ** 2) / (2 * 6**2))
    delta = np.repeat(bump[..., None], 3, axis=2).astype(np.float32)
    after = paste(planes, video, [patch(delta)])
    moved = to_upright(after[0].astype(float) - planes[0], video)

    # Half a picture pixel for each crop pixel.
    at = np.array(CENTRE) + (np.array([35, 42]) - 50) * SIDE / 100
    rows, columns = np.mgrid[: moved.shape[0], : moved.shape[1]] + 0.5
    found = np.array([(columns * moved).sum(), (rows * moved).sum()]) / moved.sum()
    np.testing.assert_allclose(found, at, atol=0.15)
    peak = moved[int(at[1]), int(at[0])]
    assert peak == pytest.approx(78, abs=4)
    # Its volume is kept too: (2 pi sigma^2) * height, at half the scale.
    assert moved.sum() == pytest.approx(80 * 2 * np.pi * 3**2, rel=0.03)


@pytest.mark.parametrize("size", [40, 50, 200])
def test_what_is_taken_from_a_frame_and_pasted_back_is_the_frame(size: int) -> None:
    """delta = edited crop - source crop; with the crop shifted by a constant, so is the frame."""
    video = turned()
    planes = noise(video)
    width, height = video.upright_size
    picture = np.zeros((height, width, 3), np.uint8)
    quad = tiny.square(CENTRE, SIDE)
    source = crop(picture, quad, size).astype(np.float32)
    delta = (source + 10) - source
    after = paste(planes, video, [Patch(quad, tiny.oval(CENTRE, RADIUS), delta)])
    inner = slice(30, 42)
    changed = after[0][inner, 38:50].astype(int) - planes[0][inner, 38:50]
    assert (changed == 10).all()


def test_shrinking_averages_instead_of_skipping() -> None:
    fine = np.random.default_rng(0).normal(50, 30, (200, 200, 3)).astype(np.float32)
    delta, origin = in_frame(patch(fine), turned())
    x, y = int(CENTRE[0]) - origin[0], int(CENTRE[1]) - origin[1]
    seen = delta[y - 8 : y + 8, x - 8 : x + 8]
    assert seen.mean() == pytest.approx(50, abs=2)
    # Four crop pixels to one of the frame; two by two, as bilinear sampling takes, would leave 15.
    assert seen.std() < 8


def test_a_face_that_hangs_over_the_edge_is_cut_there() -> None:
    video = turned()
    planes = noise(video)
    centre = (90.0, 70.0)
    edge = Patch(
        tiny.square(centre, SIDE), tiny.oval(centre, RADIUS), np.full((64, 64, 3), 20, np.float32)
    )
    delta, (x, y) = in_frame(edge, video)
    assert x >= 0 and y >= 0
    assert x + delta.shape[1] <= 96 and y + delta.shape[0] <= 72
    after = paste(planes, video, [edge])
    assert (after[0][-1, -10:] != planes[0][-1, -10:]).all()

    centre = (300.0, 300.0)
    away = Patch(tiny.square(centre, SIDE), tiny.oval(centre, RADIUS), edge.delta)
    assert in_frame(away, video)[0].size == 0
    assert all(
        np.array_equal(a, b) for a, b in zip(paste(planes, video, [away]), planes, strict=True)
    )


def test_several_faces_are_all_pasted() -> None:
    video = turned()
    planes = noise(video)
    places = [(24.0, 36.0), (72.0, 36.0)]
    delta = np.full((64, 64, 3), 20, np.float32)
    patches = [Patch(tiny.square(c, 30), tiny.oval(c, 6), delta) for c in places]
    after = paste(planes, video, patches)
    for x, y in places:
        assert int(after[0][int(y), int(x)]) - planes[0][int(y), int(x)] == 20
    assert after[0][36, 48] == planes[0][36, 48]
