"""Colour of the cheeks: where they are, in which units, and what does not count."""

import cv2
import numpy as np

from stages.artifacts import F32, U8
from stages.skin import CHEEKS, cheeks, skin_lab


def mesh(size: int = 256) -> F32:
    """Cheeks as two discs of radius 0.07 of the picture, all else in a corner."""
    points = np.zeros((468, 2), np.float32)
    for polygon, x in zip(CHEEKS, (0.35, 0.65), strict=True):
        turn = np.arange(len(polygon)) / len(polygon) * 2 * np.pi
        points[list(polygon)] = size * (
            np.array([x, 0.6]) + 0.07 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
        )
    return points


def painted(colour: tuple[int, int, int], size: int = 256) -> U8:
    """That colour on both cheeks, blue elsewhere."""
    picture = np.full((size, size, 3), (0, 0, 255), np.uint8)
    for x in (0.35, 0.65):
        cv2.circle(picture, (round(x * size), round(0.6 * size)), size // 11, colour, -1)
    return picture


def test_cheeks_are_two_and_apart() -> None:
    count, _ = cv2.connectedComponents(cheeks(mesh(), 256).astype(np.uint8))
    assert count == 3  # with the background


def test_known_colours_have_their_cielab_values() -> None:
    # L*, a*, b* of sRGB under D65: https://en.wikipedia.org/wiki/CIELAB_color_space
    for colour, wanted in {
        (255, 255, 255): (100, 0, 0),
        (255, 0, 0): (53.24, 80.09, 67.20),
        (119, 119, 119): (50.03, 0, 0),
        (224, 172, 145): (74.4, 15.1, 21.3),
    }.items():
        np.testing.assert_allclose(skin_lab(painted(colour), mesh()), wanted, atol=0.6)


def test_a_stroke_across_a_cheek_does_not_count() -> None:
    picture = painted((224, 172, 145))
    clean = skin_lab(picture, mesh())
    cv2.line(picture, (60, 140), (200, 165), (10, 10, 10), 5)
    np.testing.assert_allclose(skin_lab(picture, mesh()), clean, atol=0.1)


def test_cheeks_out_of_sight_have_no_colour() -> None:
    assert np.isnan(skin_lab(painted((224, 172, 145)), mesh() - 1000)).all()
