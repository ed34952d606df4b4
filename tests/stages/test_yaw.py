import numpy as np
import pytest

from stages.yaw import yaw_of


@pytest.mark.parametrize("layout", [("mesh", 468, 33, 263, 4), ("ibug", 68, 36, 45, 30)])
@pytest.mark.parametrize("yaw", [-50.0, 0.0, 35.0])
@pytest.mark.parametrize("roll", [0.0, 40.0])
def test_yaw_of_a_turned_head(
    layout: tuple[str, int, int, int, int], yaw: float, roll: float
) -> None:
    """Eyes one apart, nose half of that before them, turned about the vertical, then rolled."""
    _, count, left, right, nose = layout
    y, r = np.deg2rad([yaw, roll])
    flat = np.array([(-0.5 * np.cos(y), 0), (0.5 * np.cos(y), 0), (0.5 * np.sin(y), 0.4)])
    turned = flat @ np.array([[np.cos(r), np.sin(r)], [-np.sin(r), np.cos(r)]]) * 80 + 200
    landmarks = np.zeros((count, 2), np.float32)
    landmarks[[left, right, nose]] = turned
    assert yaw_of(landmarks) == pytest.approx(yaw, abs=0.01)
