"""Keep glibc from handing memory back to the system between two steps of an optimisation.

A step frees and asks again for the same hundreds of megabytes. By default glibc maps and unmaps
each large block, and the page faults cost more than the arithmetic (design notes: 6.7 s against
0.97 s for a five-frame step). This is what MALLOC_MMAP_MAX_=0 and a MALLOC_TRIM_THRESHOLD_ without
bound do from outside; from inside it needs no restart of the process. Threads share one arena: an
arena of their own would map and unmap again. The price is memory that stays with the process until
it ends.
"""

import ctypes
import sys

M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
M_ARENA_MAX = -8
INT_MAX = 2**31 - 1

ENVIRONMENT = {
    "MALLOC_TRIM_THRESHOLD_": str(INT_MAX),
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_ARENA_MAX": "1",
}
"""The same, for a process that is about to be started. Ray's have arenas before any of our code."""


def keep_memory() -> bool:
    """Set it for this process. False where the C library is not glibc; then nothing changes."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((M_TRIM_THRESHOLD, INT_MAX), (M_MMAP_MAX, 0), (M_ARENA_MAX, 1))
    return all(bool(mallopt(name, value)) for name, value in settings)
