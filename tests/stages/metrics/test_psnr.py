import numpy as np
import pytest

from stages.metrics.psnr import plane_masks, planes_psnr, psnr


def test_a_difference_of_one_everywhere_is_48_13_db() -> None:
    a = np.full((4, 6, 3), 100, np.uint8)
    assert psnr(a, a + 1) == pytest.approx(48.1308, abs=1e-4)
    assert psnr(a, a) == float("inf")


def test_unsigned_differences_do_not_wrap() -> None:
    assert psnr(np.zeros(4, np.uint8), np.full(4, 255, np.uint8)) == pytest.approx(0)


def test_only_what_the_mask_selects_counts() -> None:
    a = np.zeros((4, 4, 3), np.uint8)
    b = a.copy()
    b[0, 0] = 255
    mask = np.ones((4, 4), bool)
    assert psnr(a, b, mask) < 20
    mask[0, 0] = False
    assert psnr(a, b, mask) == float("inf")


def test_an_empty_mask_is_refused() -> None:
    a = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="no sample"):
        psnr(a, a, np.zeros((2, 2), bool))


def test_a_chroma_sample_is_selected_when_all_its_pixels_are() -> None:
    mask = np.ones((5, 4), bool)
    mask[1, 2] = False
    luma, chroma = plane_masks(mask, [np.zeros((5, 4)), np.zeros((3, 2))])
    assert luma is mask
    assert chroma.tolist() == [[True, False], [True, True], [True, True]]


def test_planes_are_weighted_by_their_samples() -> None:
    a = [np.zeros((4, 4)), np.zeros((2, 2))]
    b = [np.zeros((4, 4)), np.full((2, 2), 5.0)]
    assert planes_psnr(a, b) == pytest.approx(10 * np.log10(255**2 * 20 / 100))
    assert planes_psnr(a, b, [np.ones((4, 4), bool), np.zeros((2, 2), bool)]) == float("inf")
