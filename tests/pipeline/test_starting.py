"""Actors that do not come, by a clock of the tests."""

import pytest

from pipeline.remote import Shape
from pipeline.starting import Starting

SHAPE = Shape(2, 1, 0)
LARGE = {"CPU": 8.0, "GPU": 2.0}
SMALL = {"CPU": 8.0}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def starting(clock: Clock, *, own: bool = False) -> Starting:
    return Starting(100, 900, own=own, clock=clock)


def test_while_others_hold_the_cluster_it_is_waited_for(clock: Clock) -> None:
    """A day long, and told of now and then. Ours alone, there is nobody else to wait for."""
    theirs, ours = starting(clock), starting(clock, own=True)
    told = []
    for clock.now in range(0, 86400, 10):
        assert theirs.late(SHAPE, 0, [SMALL, LARGE], alone=True) is None
        assert ours.late(SHAPE, 0, [LARGE], alone=False) is None, "our own others hold it"
        told += [theirs.news(SHAPE, 0)]
    said = [text for text in told if text]
    assert said[0] == "no worker with 2 CPU, 1 GPU has come for 110 s; it is waited for"
    assert len(said) == 86400 // 110
    clock.now = 100
    assert ours.late(SHAPE, 0, [LARGE], alone=True) is None
    clock.now = 101
    assert ours.late(SHAPE, 0, [LARGE], alone=True) == "no answer within 100 s"


def test_a_node_that_is_large_enough_has_time_to_join(clock: Clock) -> None:
    theirs = starting(clock)
    clock.now = 900
    assert theirs.late(SHAPE, 0, [SMALL], alone=True) is None
    assert theirs.late(SHAPE, 0, [], alone=True) is None
    clock.now = 901
    why = theirs.late(SHAPE, 0, [SMALL], alone=True)
    assert why == "no node has that much, and none has joined within 900 s"
    assert theirs.late(SHAPE, 0, [SMALL, LARGE], alone=True) is None
    two = SHAPE._replace(workers=3)
    assert theirs.late(two, 0, [LARGE], alone=True) == why, "three of them do not fit on one"
    assert theirs.late(two, 0, [LARGE, LARGE], alone=True) is None


def test_three_that_end_are_enough_but_a_node_that_dies_counts_once(clock: Clock) -> None:
    ours = starting(clock)
    assert not any(ours.ended(SHAPE, "the node died") for _ in range(10))
    clock.now = 10
    assert ours.ended(SHAPE, "") is None
    ours.came(SHAPE)
    for clock.now in (20, 30):
        assert ours.ended(SHAPE, "long\nstory\n") is None
    clock.now = 40
    other = SHAPE._replace(cpus=1)
    assert ours.ended(other, "of another shape") is None
    assert ours.ended(SHAPE, "a long\ntrace\nValueError: why\n") == (
        "3 attempts, the last: ValueError: why"
    )
