"""Stages that say when they begin and end, for tests of who runs beside whom."""

import time
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources
from tests.pipeline.toy_artifacts import Numbers
from tests.pipeline.toy_stages import Journalled


class Timed(Journalled):
    """Holds one CPU for a while."""

    name: ClassVar[str] = "cpu"
    alone: int = Field(default=1000, exclude=True)
    """After so many of them have ended, the rest wait for one on the GPU to begin."""

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        self.note(f"begin {self.name}")
        time.sleep(0.2)
        if self.lines(f"end {self.name}") >= self.alone:
            self.wait_for("begin gpu", 1)
        self.note(f"end {self.name} {context.device}")
        return Numbers(np.array(numbers.values))

    def lines(self, start: str) -> int:
        """How many lines of the journal begin so."""
        assert self.journal is not None
        return sum(line.startswith(start) for line in self.journal.read_text().splitlines())

    def wait_for(self, start: str, count: int) -> None:
        """Hold all that is held until there are so many of these lines."""
        deadline = time.monotonic() + 90
        while self.lines(start) < count:
            assert time.monotonic() < deadline, f"{start} did not come {count} times"
            time.sleep(0.05)


class HalfGpu(Timed):
    """Holds half a GPU and two CPUs, and waits for another that does so at the same time."""

    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5)
    name: ClassVar[str] = "gpu"

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        self.note("begin gpu")
        self.wait_for("begin gpu", 2)
        self.note(f"end gpu {context.device}")
        return Numbers(np.array(numbers.values))


class Stuck(Timed):
    """Hangs, without a word, in its first attempt."""

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        mark = context.scratch / "tried"
        if not mark.exists():
            mark.touch()
            time.sleep(300)
        return Numbers(np.array(numbers.values))
