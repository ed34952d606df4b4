import cv2
import numpy as np
import pytest

from stages.metrics.ssim import ssim_map


def picture() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(40, 48, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return np.uint8(cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX))


def by_the_formula(a: np.ndarray, b: np.ndarray, y: int, x: int) -> float:
    """Wang et al. 2004, eq. 13, in one window."""
    offset = np.arange(-5, 6)
    window = np.exp(-(offset[:, None] ** 2 + offset**2) / (2 * 1.5**2))
    window /= window.sum()
    p, q = (cv2.cvtColor(i, cv2.COLOR_RGB2GRAY).astype(float) for i in (a, b))
    p, q = (i[y - 5 : y + 6, x - 5 : x + 6] for i in (p, q))
    mp, mq = (window * p).sum(), (window * q).sum()
    vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
    cov = (window * (p - mp) * (q - mq)).sum()
    c1, c2 = 2.55**2, 7.65**2
    return ((2 * mp * mq + c1) * (2 * cov + c2)) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))


def test_each_pixel_is_the_papers_formula() -> None:
    a = picture()
    b = cv2.GaussianBlur(a, (0, 0), 1.5)
    found = ssim_map(a, b)
    assert found.shape == (40, 48)
    for y, x in ((10, 12), (20, 30), (33, 41)):
        assert found[y, x] == pytest.approx(by_the_formula(a, b, y, x), abs=2e-5)


def test_equal_pictures_are_one_and_more_blur_is_less() -> None:
    a = picture()
    np.testing.assert_allclose(ssim_map(a, a), 1)
    means = [ssim_map(a, cv2.GaussianBlur(a, (0, 0), s)).mean() for s in (0.5, 1, 3)]
    assert 1 > means[0] > means[1] > means[2]


def test_what_cannot_be_compared_is_refused() -> None:
    a = picture()
    with pytest.raises(ValueError, match="shapes differ"):
        ssim_map(a, a[1:])
    with pytest.raises(ValueError, match="11 pixels"):
        ssim_map(a[:10], a[:10])
