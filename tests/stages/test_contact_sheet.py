from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.contact_sheet import (
    column_slice,
    compare_slices,
    contact_sheet,
    row_slice,
    write_png,
)


def clip() -> list[np.ndarray]:
    """Five frames of a white pixel that moves right along row 3."""
    frames = []
    for t in range(5):
        frame = np.zeros((8, 12, 3), np.uint8)
        frame[3, 2 + t] = 255
        frames.append(frame)
    return frames


def test_a_moving_point_is_a_diagonal_in_a_row_slice() -> None:
    found = row_slice(clip(), 3)
    assert found.shape == (5, 12, 3)
    assert [int(row[:, 0].argmax()) for row in found] == [2, 3, 4, 5, 6]


def test_a_column_slice_sees_it_once() -> None:
    found = column_slice(clip(), 4)
    assert found.shape == (5, 8, 3)
    assert np.argwhere(found[..., 0]).tolist() == [[2, 3]]


def test_the_source_is_above_the_edit() -> None:
    source, edited = np.zeros((5, 12, 3), np.uint8), np.full((5, 12, 3), 99, np.uint8)
    both = compare_slices(source, edited, stretch=2)
    assert both.shape == (24, 12, 3)
    assert both[0].max() == 0
    assert both[-1].min() == 99


def test_a_sheet_places_pictures_by_row_and_column() -> None:
    red = np.zeros((20, 10, 3), np.uint8)
    red[..., 0] = 200
    sheet = contact_sheet([[red, red], [red]], ["a", "b"], ["0", "7"], size=64)
    assert sheet.shape == (2 * 64 + 18, 128, 3)
    assert sheet[50, 64 + 16].tolist() == [200, 0, 0]
    assert sheet[64 + 50, 64 + 16].tolist() == [32, 32, 32]


def test_a_sheet_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        contact_sheet([], [])


def test_png_keeps_rgb_order(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[..., 0] = 250
    write_png(tmp_path / "a.png", picture)
    assert cv2.imread(str(tmp_path / "a.png"))[0, 0].tolist() == [0, 0, 250]
