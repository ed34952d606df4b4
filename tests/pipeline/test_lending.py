"""Who does works of a smaller shape, and for how long."""

from types import SimpleNamespace
from typing import cast

import pytest

from pipeline import lending
from pipeline.lending import START, Lending
from pipeline.pool import Queue, Ticket
from pipeline.remote import Member, Shape
from pipeline.work import Work
from tests.pipeline.toy_clock import Clock

SMALL, OTHER, LARGE = Shape(1, 0, 10), Shape(1, 0, 5), Shape(2, 0, 20)
TWO = {"CPU": 2.0, "memory": 100.0}
WORK = cast(Work, SimpleNamespace())


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(lending, "time", made)
    return made


@pytest.fixture
def member() -> Member:
    return Member(None, LARGE, None, 1000.0, LARGE, ready=True)


def wanted(lent: Lending, queues: dict[Shape, Queue], count: int, shape: Shape = SMALL) -> None:
    queues[shape] = Queue()
    lent.begin(shape)
    for _ in range(count):
        queues[shape].put(WORK, 0)


def test_many_small_works_have_a_larger_actor_for_as_long_as_one_of_theirs_takes_to_come(
    member: Member, clock: Clock
) -> None:
    queues: dict[Shape, Queue] = {}
    lent = Lending(queues, [member], own=True)
    wanted(lent, queues, 5)
    assert lent.lenders(SMALL, TWO) == [member]
    member.ticket, member.queue, member.began = Ticket(0, 0, WORK), SMALL, clock.now
    clock.now += START - 0.1
    assert lent.lenders(SMALL, TWO) == [member], "it does the first"
    clock.now += 0.2
    assert not lent.lenders(SMALL, TWO)
    lent.done(member)
    member.ticket = None
    assert not lent.lenders(SMALL, TWO), "what is done counts as well"
    wanted(lent, queues, 2)
    assert lent.lenders(SMALL, TWO) == [member], "others, later"
    clock.now += 100
    assert lent.lenders(SMALL, TWO) == [member], "nobody had it meanwhile"


def test_a_few_have_it_for_long(member: Member, clock: Clock) -> None:
    queues: dict[Shape, Queue] = {}
    lent = Lending(queues, [member], own=True)
    wanted(lent, queues, 1)
    member.ticket, member.queue, member.began = Ticket(0, 0, WORK), SMALL, clock.now
    clock.now += 10 * START
    assert lent.lenders(SMALL, TWO) == [member]


def test_it_does_its_own_first_and_nobody_lends_where_there_is_room(
    member: Member, clock: Clock
) -> None:
    queues: dict[Shape, Queue] = {}
    lent = Lending(queues, [member], own=True)
    wanted(lent, queues, 2)
    assert not lent.lenders(SMALL, {"CPU": 3.0, "memory": 100.0}), "one of their own fits"
    wanted(lent, queues, 1, LARGE)
    assert not lent.lenders(SMALL, TWO)
    member.ticket, member.queue, member.began = Ticket(0, 0, WORK), LARGE, clock.now
    queues[LARGE].pop()
    clock.now += 10 * START
    assert lent.lenders(SMALL, TWO) == [member], "its own work does not count"
    small = Lending(queues, [Member(None, OTHER, None, 0.0, OTHER)], own=True)
    wanted(small, queues, 1)
    assert not small.lenders(SMALL, {"CPU": 1.0, "memory": 100.0}), "it holds too little"


def test_one_that_is_still_to_come_is_counted_on_where_nobody_else_takes_its_room(
    member: Member,
) -> None:
    queues: dict[Shape, Queue] = {}
    member.ready = False
    for own in (True, False):
        lent = Lending(queues, [member], own=own)
        wanted(lent, queues, 1)
        assert bool(lent.lenders(SMALL, TWO)) == own
