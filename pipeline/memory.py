"""The most memory this process held over a stretch of time."""

import resource
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


class PeakMemory:
    """Peak resident memory since construction, in bytes.

    Linux can reset its high-water mark; elsewhere the figure is that of the process's whole life.
    """

    def __init__(self) -> None:
        try:
            _RESET.write_text("5")
            self._reset = True
        except OSError:
            self._reset = False

    def bytes(self) -> int:
        """The peak so far."""
        if self._reset:
            for line in _STATUS.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
