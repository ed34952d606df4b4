"""Adding an edit: what it leaves alone, what it adds, and how exactly."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.failure import InputError
from stages.artifacts import Video
from stages.media.planes import (
    Plane,
    Planes,
    apply_delta,
    chroma_mask,
    layout,
    layout_of,
    rgb_float,
)
from tests.media_fixtures import moving_picture, probe

FORMATS = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
WIDTH, HEIGHT = 63, 47


@pytest.fixture(scope="module")
def any_video(tmp_path_factory: pytest.TempPathFactory) -> Video:
    return probe(moving_picture(tmp_path_factory.mktemp("v") / "v.mp4", frames=1))


def video_of(any_video: Video, pix_fmt: str, range_: str = "limited", site: int = 1) -> Video:
    return replace(
        any_video,
        pix_fmt=pix_fmt,
        bit_depth=layout(pix_fmt).bit_depth,
        width=WIDTH,
        height=HEIGHT,
        working_matrix="bt709",
        working_range="full" if range_ == "full" else "limited",
        colour=replace(any_video.colour, chroma_location=site),
    )


def noise(video: Video, low: int = 0, high: int = 256) -> Planes:
    """Random planes, so that a sample that moved would show."""
    random = np.random.default_rng(7)
    lay = layout_of(video)
    width, height = lay.chroma_size(video.width, video.height)
    kind: type[Any] = np.uint16 if lay.bit_depth > 8 else np.uint8
    step = 1 << (lay.bit_depth - 8)
    sizes = [(video.height, video.width), (height, width), (height, width)]
    planes: list[Plane] = []
    for size in sizes:
        plane: Plane = np.asarray(random.integers(low * step, high * step, size), kind)
        plane.flags.writeable = False
        planes.append(plane)
    return planes[0], planes[1], planes[2]


@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_no_delta_changes_nothing_and_copies_nothing(any_video: Video, pix_fmt: str) -> None:
    video = video_of(any_video, pix_fmt)
    planes = noise(video)
    after = apply_delta(planes, np.zeros((20, 20, 3), np.float32), (5, 5), video)

    assert all(a is b for a, b in zip(planes, after, strict=True))


@pytest.mark.parametrize("site", [1, 2, 3, 5])
@pytest.mark.parametrize("pix_fmt", FORMATS)
@pytest.mark.parametrize("origin", [(10, 6), (11, 7), (-3, -4), (50, 40)])
def test_samples_outside_the_mask_stay_bit_for_bit(
    any_video: Video, pix_fmt: str, origin: tuple[int, int], site: int
) -> None:
    video = video_of(any_video, pix_fmt, site=site)
    planes = noise(video)
    delta = np.zeros((24, 18, 3), np.float32)
    yy, xx = np.mgrid[:24, :18]
    inside = (yy - 12) ** 2 + (xx - 9) ** 2 < 64
    delta[inside] = (40.0, -30.0, 20.0)
    mask = np.zeros((HEIGHT + 100, WIDTH + 100), bool)
    mask[50 + origin[1] : 74 + origin[1], 50 + origin[0] : 68 + origin[0]] = inside
    mask = mask[50 : 50 + HEIGHT, 50 : 50 + WIDTH]
    after = apply_delta(planes, delta, origin, video)
    reach = chroma_mask(mask, video)

    np.testing.assert_array_equal(after[0][~mask], planes[0][~mask])
    for n in (1, 2):
        np.testing.assert_array_equal(after[n][~reach], planes[n][~reach])
    assert (after[0] != planes[0]).sum() > 0.9 * mask.sum()


@pytest.mark.parametrize("range_", ["limited", "full"])
@pytest.mark.parametrize("pix_fmt", FORMATS)
def test_a_smooth_edit_arrives_in_rgb(any_video: Video, pix_fmt: str, range_: str) -> None:
    video = video_of(any_video, pix_fmt, range_)
    planes = noise(video, 110, 140)
    delta = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    delta[..., 0] = np.linspace(-30, 30, WIDTH)
    delta[..., 1] = 12.0
    delta[..., 2] = np.linspace(20, -20, HEIGHT)[:, None]
    before = rgb_float(planes, video)
    added = rgb_float(apply_delta(planes, delta, (0, 0), video), video) - before
    error = np.abs(added - delta)[2:-2, 2:-2]

    # One code of rounding in each of Y, Cb, Cr; ten bits round four times finer.
    assert error.max() < (0.8 if "10" in pix_fmt else 3.0)
    assert np.abs((added - delta).mean((0, 1))).max() < 0.2


@pytest.mark.parametrize("site", [1, 2, 3])
def test_chroma_is_averaged_about_its_own_place(any_video: Video, site: int) -> None:
    """A ramp in blue must move each chroma sample by the ramp's value where the sample sits."""
    video = video_of(any_video, "yuv420p10le", "full", site)
    planes = noise(video, 100, 120)
    ramp = np.linspace(0, 60, WIDTH, dtype=np.float32)
    delta = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    delta[..., 2] = ramp
    moved = (apply_delta(planes, delta, (0, 0), video)[1].astype(int) - planes[1])[5, 1:-1]
    where = 2 * np.arange(1, len(moved) + 1) + layout_of(video).site_x
    expected = np.interp(where, np.arange(WIDTH), ramp) * 0.5 * 1023 / 255

    assert np.abs(moved - expected).max() <= 0.51


def test_codes_are_clipped_but_never_pulled_in(any_video: Video) -> None:
    video = video_of(any_video, "yuv420p")
    y, cb, cr = noise(video)
    y = y.copy()
    y[:2] = 255
    after = apply_delta((y, cb, cr), np.full((HEIGHT, WIDTH, 3), 200, np.float32), (0, 0), video)

    assert (after[0][:2] == 255).all()
    assert after[0][2:][y[2:] < 250].max() <= 254


def test_other_formats_are_refused_by_name() -> None:
    for name in ("gray", "yuv420p12le", "nv12", "rgb24", "yuva420p"):
        with pytest.raises(InputError, match=f"pixel format {name} is not one of yuv420p"):
            layout(name)


def test_the_source_planes_are_left_as_they_were(any_video: Video, tmp_path: Path) -> None:
    video = video_of(any_video, "yuv420p")
    planes = noise(video)
    copies = [p.copy() for p in planes]
    apply_delta(planes, np.full((9, 9, 3), 50, np.float32), (3, 3), video)

    for plane, copy in zip(planes, copies, strict=True):
        np.testing.assert_array_equal(plane, copy)
