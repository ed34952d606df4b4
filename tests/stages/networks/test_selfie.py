"""People apart from what is behind them: a person before a green screen, keyed by its colour."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest

from stages.media.reader import read_rgb
from stages.networks.selfie import SelfieSegmentation
from tests.media_fixtures import probe


@pytest.fixture(scope="module")
def people(weights: Callable[[str], Path]) -> SelfieSegmentation:
    return SelfieSegmentation(weights("mediapipe-selfie"))


def test_it_agrees_with_a_key_of_the_green_screen(people: SelfieSegmentation, assets: Path) -> None:
    clip = assets / "clips" / "portrait_d0.mp4"
    (frame,) = list(read_rgb(clip, probe(clip), 0, 1))
    picture = frame[:, (frame.shape[1] - frame.shape[0]) // 2 :][:, : frame.shape[0]]
    assert people.side == 256
    found = people(np.asarray(picture, np.float32)) > 0.5
    red, green, blue = np.moveaxis(np.asarray(picture, np.float32), 2, 0)
    key = ((green > 1.15 * red) & (green > 1.15 * blue)).astype(np.uint8)
    key = cv2.medianBlur(1 - key, 5)
    wanted = cv2.resize(key, found.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    both, either = (found & wanted).sum(), (found | wanted).sum()
    assert both / either > 0.93


def test_threads_may_share_it(people: SelfieSegmentation) -> None:
    """As the columns of a strip do."""
    pictures = [
        np.random.default_rng(n).uniform(0, 255, (256, 256, 3)).astype(np.float32) for n in range(8)
    ]
    wanted = [people(picture) for picture in pictures]
    with ThreadPoolExecutor(8) as threads:
        for found, right in zip(threads.map(people, 10 * pictures), 10 * wanted, strict=True):
            np.testing.assert_array_equal(found, right)


def test_a_wall_is_nobody(people: SelfieSegmentation) -> None:
    wall = np.full((300, 300, 3), (90, 140, 160), np.float32)
    assert people(wall).max() < 0.2
