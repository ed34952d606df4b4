"""Age and gender: where the chip is cut, what is refused, and that numbers are of the right kind.

``tests/test_judges.py`` compares the ages with another network's on photographs.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from stages.networks.age_gender import AgeGender, face_chips


def test_a_chip_is_two_thirds_wide_centred_and_starts_at_its_share_of_the_height() -> None:
    y, x = np.mgrid[:192, :192]
    crop = np.stack([x, y, np.zeros_like(x)], axis=-1).astype(np.uint8)[None]
    chip = face_chips(crop, 64)[0].astype(float)

    assert chip.shape == (64, 64, 3)
    np.testing.assert_allclose(chip[0, :, 0][[0, -1]], [192 / 6 + 0.5, 192 * 5 / 6 - 1.5], atol=1)
    np.testing.assert_allclose(chip[:, 0, 1][[0, -1]], [54.5, 54 + 128 - 1.5], atol=1)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 90, 90, 3), np.uint8),
        np.zeros((1, 128, 100, 3), np.uint8),
        np.zeros((128, 128, 3), np.uint8),
        np.zeros((1, 128, 128, 3), np.float32),
    ],
)
def test_crops_of_another_kind_are_refused(crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops must be"):
        face_chips(crops, 64)


def test_estimates_are_in_range_and_independent_of_their_batch(
    weights: Callable[[str], Path],
) -> None:
    net = AgeGender(weights("age-gender"), threads=1)
    crops = np.random.default_rng(0).integers(0, 256, (3, 128, 128, 3), np.uint8)
    ages, males = net.age(crops), net.gender(crops)

    assert ages.shape == males.shape == (3,)
    assert ((ages >= 0.25) & (ages <= 80)).all() and ((males >= 0) & (males <= 1)).all()
    alone = np.concatenate([net.age(c[None]) for c in crops])
    np.testing.assert_allclose(ages, alone, atol=1e-3)
    assert net.age(crops[:0]).shape == (0,)
