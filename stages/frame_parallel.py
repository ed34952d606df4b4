"""Frames side by side on CPU threads, one intra-op thread each.

Splitting every operation over the cores wastes much of them: the pieces are small and wait for
each other. Frames are independent between two meetings, so each core takes whole frames. Since no
operation is ever split, results do not depend on how many threads there are, to the bit.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Part = TypeVar("Part")
Result = TypeVar("Result")


class FrameThreads:
    """Runs a call for each part of a batch, in order of the parts."""

    def __init__(self, pool: ThreadPoolExecutor | None) -> None:
        self._pool = pool

    def parts(self, count: int) -> list[slice]:
        """How ``count`` frames are split: one by one, or, on a GPU, not at all."""
        if self._pool is None:
            return [slice(0, count)]
        return [slice(i, i + 1) for i in range(count)]

    def each(self, call: Callable[[Part], Result], parts: Sequence[Part]) -> list[Result]:
        """``[call(part) for part in parts]``, side by side."""
        return list(self.begin(call, parts))

    def begin(self, call: Callable[[Part], Result], parts: Sequence[Part]) -> Iterator[Result]:
        """The same, begun at once, and waited for where it is asked for; on a GPU done then."""
        return (map if self._pool is None else self._pool.map)(call, parts)


@contextmanager
def frame_threads(device: str) -> Iterator[FrameThreads]:
    """As many threads as torch has now; on a GPU none, and batches stay whole.

    Inside, torch itself runs on one thread.
    """
    if device != "cpu":
        yield FrameThreads(None)
        return
    threads = torch.get_num_threads()
    # Set per thread by OpenMP, for the whole process by MKL: hence set and put back here too.
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads, "frames", torch.set_num_threads, (1,)) as pool:
            yield FrameThreads(pool)
    finally:
        torch.set_num_threads(threads)
