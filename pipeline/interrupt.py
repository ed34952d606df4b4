"""Ctrl-C and SIGTERM: the first stops cleanly, the second at once."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

Handler = Callable[[int, FrameType | None], object] | int | None
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(KeyboardInterrupt):
    """Raised in the main thread by the first signal. ``exit_code`` is 130 or 143."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def _put_back(before: list[tuple[signal.Signals, Handler]]) -> None:
    for each, handler in before:
        signal.signal(each, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    for each in SIGNALS:
        signal.signal(each, _end)
    raise Stopped(number)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first signal inside the block into ``Stopped``. For the main thread only.

    After a stop the process is ending: a further signal ends it at once, also outside the block.
    """
    before = [(each, signal.getsignal(each)) for each in SIGNALS]
    for each in SIGNALS:
        signal.signal(each, _stop)
    try:
        yield
    except Stopped:
        raise
    except BaseException:
        _put_back(before)
        raise
    else:
        _put_back(before)
