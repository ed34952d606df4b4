"""Progress as a person sees it."""

import io
import time

import pytest

from pipeline.failure import Failure
from pipeline.report import NodeReport
from pipeline.show import Show, clock_time, profile
from pipeline.watch import (
    Event,
    NodeFinished,
    NodeStarted,
    WorkFailed,
    WorkFinished,
    WorkLost,
    WorkProgress,
    WorkStarted,
)


class Clock:
    """A time that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def shown(clock: Clock, **options: int) -> tuple[Show, io.StringIO]:
    stream = io.StringIO()
    return Show("clip.mp4", stream=stream, live=False, clock=clock, **options), stream


def test_share_pace_and_time_left(clock: Clock) -> None:
    show, _ = shown(clock, nodes=3)
    show(NodeStarted("decode", 1))
    show(WorkStarted("decode", None))
    show(WorkFinished("decode", None, 1.0, False))
    show(NodeFinished("decode", 1, 0, 0, 1.0))
    show(NodeStarted("windows", 4))
    show(WorkStarted("windows", 0))
    clock.now += 10
    show(WorkProgress("windows", 0, 20, 20))
    show(WorkFinished("windows", 0, 10.0, False))
    show(WorkStarted("windows", 1))
    clock.now += 5
    show(WorkProgress("windows", 1, 10, 20))
    assert show.line() == (
        "clip.mp4: [2/3] windows  38 %  1 of 4  2 frames/s  0:25 left in this stage"
    )


def test_reused_works_do_not_flatter_the_pace(clock: Clock) -> None:
    show, _ = shown(clock)
    show(NodeStarted("windows", 4))
    show(WorkFinished("windows", 0, 99.0, True))
    show(WorkFinished("windows", 1, 99.0, True))
    show(WorkStarted("windows", 2))
    assert "left" not in show.line()
    clock.now += 10
    show(WorkFinished("windows", 2, 10.0, False))
    show(WorkStarted("windows", 3))
    assert "75 %" in show.line()
    assert "0:10 left" in show.line()


def test_plain_lines_come_now_and_then(clock: Clock) -> None:
    show, stream = shown(clock)
    show(NodeStarted("windows", 1))
    show(WorkStarted("windows", None))
    for step in range(100):
        clock.now += 0.5
        show(WorkProgress("windows", None, step, 100))
    lines = stream.getvalue().splitlines()
    assert 9 <= len(lines) <= 10
    assert lines[0].startswith("clip.mp4: windows  9 %  1.8 frames/s")


def test_a_silent_stage_still_gets_a_line() -> None:
    stream = io.StringIO()
    with Show(stream=stream, live=False, every=0.05) as show:
        show(NodeStarted("windows", 1))
        show(WorkStarted("windows", None))
        time.sleep(0.3)
    assert stream.getvalue().count("windows  0 %") >= 2


def test_quiet_says_nothing_and_verbose_more(clock: Clock) -> None:
    events: list[Event] = [
        NodeStarted("windows", 1),
        WorkStarted("windows", None),
        WorkLost("windows", None, 1, "killed"),
        NodeFinished("windows", 1, 0, 0, 3.0),
    ]
    told = []
    for verbosity in (-1, 0, 1):
        show, stream = shown(clock, verbosity=verbosity)
        for event in events:
            show(event)
        told.append(stream.getvalue().splitlines())
    assert told[0] == []
    assert told[1] == ["windows: its worker was lost in attempt 1 (killed)."]
    assert told[2][0] == "windows: begins, 1 to do"
    assert told[2][-1] == "windows: 1 done, 0 reused, 0 failed, 3.0 s"


def test_failed_and_lost_works_are_no_longer_running(clock: Clock) -> None:
    show, _ = shown(clock)
    show(NodeStarted("windows", 2))
    for index in (0, 1):
        show(WorkStarted("windows", index))
    show(WorkLost("windows", 0, 1, "killed"))
    show(WorkFailed(Failure("windows", 1, "stage", "bad")))
    show(WorkFailed(Failure("render", None, "skipped", "bad")))
    assert show.line() == "clip.mp4: ..."


def test_a_live_line_ends_cleanly(clock: Clock) -> None:
    stream = io.StringIO()
    with Show("clip.mp4", stream=stream, live=True, clock=clock) as show:
        show(NodeStarted("windows", 1))
        show(WorkStarted("windows", None))
        show.say("something [that] stays")
    assert "something [that] stays\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0:00"), (65, "1:05"), (3599.6, "1:00:00"), (7325, "2:02:05")]
)
def test_clock_time(seconds: float, text: str) -> None:
    assert clock_time(seconds) == text


def test_profile_shares() -> None:
    table = profile(
        {
            "decode": NodeReport(works=1, done=1, seconds=1.0, peak_rss=100_000_000),
            "windows": NodeReport(works=4, done=3, reused=1, seconds=9.0, saved=3.0),
        }
    )
    assert [line.split() for line in table.splitlines()] == [
        ["stage", "works", "reused", "seconds", "share", "saved", "MB"],
        ["decode", "1", "0", "1.00", "10%", "0.0", "100"],
        ["windows", "4", "1", "9.00", "90%", "3.0", "0"],
    ]
