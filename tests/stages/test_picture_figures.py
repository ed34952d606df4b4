"""Figures of pictures with and without those that they should be."""

from dataclasses import replace

import numpy as np
import pytest

from stages.evaluation import Figure
from stages.metrics.niqe import Pristine
from stages.picture_figures import NO_NIQE, PictureFigures
from tests.stages import tiny


def pictures(count: int, side: int = 192, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def by_name(found: PictureFigures) -> dict[str, Figure]:
    return {figure.name: figure for figure in found.figures()}


def test_portions_add_up_and_the_worst_is_named() -> None:
    wanted = pictures(3)
    made = wanted.copy()
    made[1] ^= 1
    made[2] ^= 8
    found = PictureFigures(tiny.judges(), "edit_")
    found.add([4], made[:1], wanted[:1])
    found.add([5, 6], made[1:], wanted[1:])
    figures = by_name(found)
    assert figures["edit_mse"].value == pytest.approx((1 + 64) / 3 / 255**2)
    assert (figures["edit_mse"].count, figures["edit_mse"].worst_frame) == (3, 6)
    assert figures["edit_psnr"].value == float("inf")
    assert figures["edit_perceptual_apart"].value == pytest.approx(3)
    assert found.features.shape == found.wanted_features.shape == (3, 320)
    assert figures["edit_niqe_skvideo"].note == NO_NIQE


def test_without_the_truth_there_is_only_how_natural_it_looks() -> None:
    judges = replace(tiny.judges(), pristine=Pristine(np.zeros(36), np.eye(36)))
    found = PictureFigures(judges)
    found.add([0, 0], pictures(2))
    (figure,) = found.figures()
    assert figure.name == "niqe_skvideo" and figure.count == 2
    assert figure.source is None and not len(found.wanted_features)


def test_the_sources_own_naturalness_stands_beside_it() -> None:
    judges = replace(tiny.judges(), pristine=Pristine(np.zeros(36), np.eye(36)))
    found = PictureFigures(judges)
    same = pictures(1)
    found.add([0], same, same)
    figure = by_name(found)["niqe_skvideo"]
    assert figure.value == figure.source


def test_pictures_too_small_for_it_say_so() -> None:
    judges = replace(tiny.judges(), pristine=Pristine(np.zeros(36), np.eye(36)))
    found = PictureFigures(judges)
    found.add([0], pictures(1, side=64))
    (figure,) = found.figures()
    assert figure.value is None and "192" in figure.note
