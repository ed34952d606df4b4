import numpy as np
import pytest

from stages.evaluation import Evaluation, Figure
from stages.series import Series


def series(*values: float) -> Series:
    found = Series()
    for frame, value in enumerate(values):
        found.add(10 + frame, value)
    return found


@pytest.mark.parametrize(
    ("better", "worst", "frame"), [("higher", 0.5, 11), ("lower", 2.0, 12), ("one", 2.0, 12)]
)
def test_the_worst_frame_is_the_one_farthest_from_what_is_best(
    better: str, worst: float, frame: int
) -> None:
    figure = series(1.0, 0.5, 2.0).figure("x", "face", better)
    assert (figure.worst, figure.worst_frame, figure.count) == (worst, frame, 3)
    assert figure.value == pytest.approx(3.5 / 3)
    assert figure.spread == pytest.approx(np.std([1, 0.5, 2]))


def test_what_is_no_number_takes_no_part_and_infinity_has_no_spread() -> None:
    figure = series(np.nan, np.inf, 40.0).figure("psnr", "overall", "higher", value=43.0)
    assert (figure.value, figure.count, figure.worst, figure.worst_frame) == (43, 2, 40, 12)
    assert figure.spread == 0


def test_nothing_measured_is_said_with_a_reason() -> None:
    figure = series().figure("x", "face", "lower", note="no face")
    assert (figure.value, figure.note, figure.worst) == (None, "no face", None)
    assert series(np.nan).figure("x", "face", "lower").note
    with pytest.raises(ValueError, match="without a reason"):
        Figure("x", "face", None, "lower")


def test_figures_are_found_by_name_and_region() -> None:
    figure = Figure("x", "face", 1.0, "lower")
    whole = Evaluation(2, 10, 10, 0, 0, (figure,))
    assert whole.figure("x", "face") is figure
    with pytest.raises(KeyError):
        whole.figure("x", "outside")
