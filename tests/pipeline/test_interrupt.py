"""The first signal stops cleanly, the second at once."""

import signal
import subprocess
import sys

import pytest

from pipeline.interrupt import stoppable

PROGRAM = """
import time
from pipeline.interrupt import Stopped, stoppable
try:
    with stoppable():
        print("ready", flush=True)
        time.sleep(60)
except Stopped as stopped:
    print("cleaning", flush=True)
    if {linger}:
        time.sleep(60)
    raise SystemExit(stopped.exit_code)
"""


@pytest.mark.parametrize("linger", [False, True])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals(number: signal.Signals, code: int, linger: bool) -> None:
    program = PROGRAM.format(linger=linger)
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        child.send_signal(number)
        assert child.stdout.readline() == b"cleaning\n"
        if linger:
            child.send_signal(number)
        assert child.wait(timeout=10) == code


def test_handlers_are_put_back_when_nothing_stopped() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stoppable():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    with pytest.raises(ValueError, match="other"), stoppable():
        raise ValueError("other")
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
