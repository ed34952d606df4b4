"""When an inversion stops."""

from stages.coupling import Coupling


def test_without_patience_it_never_stops() -> None:
    assert not Coupling().settled([1.0] * 100)


def test_it_waits_for_two_spans_and_compares_their_means() -> None:
    careful = Coupling(patience=3, tolerance=0.1)
    assert not careful.settled([1.0] * 5)
    assert careful.settled([1.0] * 6)
    assert not careful.settled([1.0, 1.0, 1.0, 0.9, 0.8, 0.9])
    assert careful.settled([9.0, 1.0, 1.0, 1.0, 0.95, 0.95, 0.95])
    assert careful.settled([1.0, 1.0, 1.0, 2.0, 2.0, 2.0])
