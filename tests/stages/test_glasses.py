"""The bridge of glasses is seen as an edge across the nose."""

import cv2
import numpy as np
import pytest

from stages.artifacts import F32, U8
from stages.glasses import BRIDGE, INNER_EYES, OUTER_EYES, glasses_edge


def mesh() -> F32:
    points = np.zeros((468, 2), np.float32)
    points[list(OUTER_EYES)] = ((80, 120), (176, 120))
    points[list(INNER_EYES)] = ((108, 121), (148, 121))
    points[list(BRIDGE)] = ((128, 118), (128, 142))
    return points


def face() -> U8:
    """Skin that darkens slowly downwards."""
    shade = np.linspace(1, 0.8, 256)[:, None, None]
    return (np.array([224, 172, 145]) * np.ones((256, 256, 1)) * shade).astype(np.uint8)


@pytest.mark.parametrize("thick", [2, 5])
def test_a_bridge_across_the_nose_counts(thick: int) -> None:
    bare, worn = face(), face()
    cv2.line(worn, (100, 125), (156, 125), (40, 35, 30), thick)
    assert glasses_edge(bare, mesh()) < 1
    assert glasses_edge(worn, mesh()) > 3


def test_dark_eyes_and_the_side_of_a_lit_nose_do_not_count() -> None:
    picture = face()
    for x in (94, 162):
        cv2.ellipse(picture, (x, 121), (13, 6), 0, 0, 360, (30, 20, 20), -1)
    picture[:, 128:] = picture[:, 128:] // 2
    assert glasses_edge(picture, mesh()) < 1.2


def test_a_nose_in_profile_has_no_strip() -> None:
    points = mesh()
    points[list(INNER_EYES)] = ((125, 121), (131, 121))
    assert np.isnan(glasses_edge(face(), points))
    assert np.isnan(glasses_edge(face(), mesh() - 500))
