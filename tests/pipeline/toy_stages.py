"""Stages of plain arithmetic, with the same kinds of edge as the real ones.

They leave a line in a journal for each thing they do, so that tests can count what ran. The
journal's path is an excluded field: it takes no part in the key.
"""

import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from tests.pipeline.toy_artifacts import Numbers, Scale, Source


class Journalled(Stage):
    """A stage that tells what it did."""

    journal: Path | None = Field(default=None, exclude=True)

    def note(self, line: str) -> None:
        if self.journal is not None:
            with self.journal.open("a") as file:
                file.write(f"{line}\n")


class Read(Journalled):
    """0, 1, 2, ... as many as the source's digest has letters."""

    def run(self, source: Source) -> Numbers:
        self.note("Read")
        return Numbers(np.arange(float(len(source.digest))))


class Split(Journalled):
    """Pieces of ``size`` numbers."""

    size: int = 2
    fail_at: int = Field(default=-1, exclude=True)

    def run(self, numbers: Numbers, context: Context) -> Iterator[Numbers]:
        pieces = range(0, len(numbers.values), self.size)
        for done, first in enumerate(pieces):
            if done == self.fail_at:
                raise RuntimeError("the splitter broke")
            self.note(f"Split {done}")
            context.progress(done, len(pieces))
            yield Numbers(np.array(numbers.values[first : first + self.size]))


class Fit(Journalled):
    """Training: a factor from numbers."""

    add: float = 1.0

    def run(self, numbers: Numbers) -> Scale:
        self.note("Fit")
        return Scale(float(numbers.values.mean()) + self.add)


class Multiply(Journalled):
    """Has weights."""

    version: ClassVar[int] = 3
    plus: float = 0.0

    def load(self, scale: Scale) -> float:
        self.note("Multiply.load")
        return scale.factor

    def run(self, loaded: float, numbers: Numbers, context: Context) -> Numbers:
        self.note(f"Multiply {numbers.values[0]:g}")
        context.progress(len(numbers.values), len(numbers.values))
        return Numbers(numbers.values * loaded + self.plus)


class Smooth(Journalled):
    """Looks at the neighbours."""

    def run(self, numbers: Numbers, before: Numbers | None, after: Numbers | None) -> Numbers:
        self.note(f"Smooth {numbers.values[0]:g}")
        near = [n.values.mean() for n in (before, numbers, after) if n is not None]
        return Numbers(numbers.values + np.mean(near))


class Total(Journalled):
    """Gathers everything."""

    def run(self, parts: list[Numbers], start: Numbers | None = None) -> Numbers:
        self.note(f"Total of {len(parts)}")
        first = 0.0 if start is None else float(start.values.sum())
        return Numbers(np.array([first + sum(float(p.values.sum()) for p in parts)]))


class PartialTotal(Total):
    """Accepts that some are missing."""

    accepts_partial: ClassVar[bool] = True


class Poison(Journalled):
    """Does nothing, but for the piece that begins with ``at``."""

    at: float = -1.0
    how: str = "bug"

    def run(self, numbers: Numbers) -> Numbers:
        self.note(f"Poison {numbers.values[0]:g}")
        if numbers.values[0] == self.at:
            if self.how == "bug":
                raise KeyError("a bug")
            if self.how == "input":
                raise InputError("the piece cannot be read")
            if self.how == "memory":
                raise MemoryError("too much")
            if self.how == "segfault":
                ctypes.string_at(0)
            os.kill(os.getpid(), signal.SIGKILL)
        return Numbers(np.array(numbers.values))


class Steps(Journalled):
    """An optimisation that keeps its state in scratch, one line of the journal a step."""

    steps: int = 20
    seconds: float = Field(default=0.0, exclude=True)

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        state = context.scratch / "state.npy"
        values = np.load(state) if state.exists() else np.array(numbers.values)
        done = int(values[0] - numbers.values[0])
        for step in range(done, self.steps):
            values = values + 1
            partial = context.scratch / "state.tmp.npy"
            np.save(partial, values)
            self.note(f"step {numbers.values[0]:g} {step}")
            partial.replace(state)
            context.progress(step + 1, self.steps)
            time.sleep(self.seconds)
        return Numbers(values)


class Where(Journalled):
    """What the runner gave. Asks for a GPU."""

    resources: ClassVar[Resources] = Resources(cpus=1, gpus=1)

    def run(self, source: Source, context: Context) -> Numbers:
        seen = os.environ.get("CUDA_VISIBLE_DEVICES", "unset")
        threads = os.environ.get("OMP_NUM_THREADS", "unset")
        self.note(f"{context.device} {context.threads} CUDA={seen} OMP={threads}")
        return Numbers(np.zeros(1))


class OnGpu(Journalled):
    """Needs one, and a CPU beside it."""

    resources: ClassVar[Resources] = Resources(cpus=1, gpus=1)

    def run(self, numbers: Numbers) -> Numbers:
        self.note("OnGpu")
        return Numbers(np.array(numbers.values))


class HalfGpu(Journalled):
    """Holds half a GPU, and waits until another holds the other half."""

    resources: ClassVar[Resources] = Resources(cpus=1, gpus=0.5)

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        assert self.journal is not None
        self.note(f"begins on {context.device}")
        deadline = time.monotonic() + 60
        while len(self.journal.read_text().splitlines()) < 2:
            assert time.monotonic() < deadline, "the other half is left alone"
            time.sleep(0.02)
        return Numbers(np.array(numbers.values))


class Stuck(Journalled):
    """Hangs without a word where ``mark`` is not there yet; else tells of progress, for long."""

    mark: Path = Field(exclude=True)
    seconds: float = Field(exclude=True)

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        if not self.mark.exists():
            self.mark.touch()
            time.sleep(300)
        for step in range(10):
            context.progress(step, 10)
            time.sleep(self.seconds / 10)
        return Numbers(np.array(numbers.values))


class Await(Journalled):
    """Waits for a file."""

    file: Path = Field(exclude=True)

    def run(self, numbers: Numbers) -> Numbers:
        self.note("waits")
        deadline = time.monotonic() + 90
        while not self.file.exists():
            assert time.monotonic() < deadline, f"{self.file} did not come"
            time.sleep(0.05)
        return Numbers(np.array(numbers.values))


class Wide(Journalled):
    """Wants two CPUs at once: another shape."""

    resources: ClassVar[Resources] = Resources(cpus=2)

    def run(self, numbers: Numbers) -> Numbers:
        self.note(f"Wide {numbers.values[0]:g}")
        return Numbers(-np.array(numbers.values))


class Shared(Journalled):
    """A sum that workers make together, each of its own share of the numbers."""

    workers: int = Field(default=1, exclude=True)
    dies: Path | None = Field(default=None, exclude=True)
    """The second worker kills itself the first time; this file is the mark that it did."""

    @property
    def workers_wanted(self) -> int:
        return self.workers

    def run(self, numbers: Numbers, context: Context) -> Numbers:
        # Here, so that toys without it need no torch.
        from stages.data_parallel import together

        with together(context) as group:
            self.note(f"{group.rank} of {group.size}")
            group.add_up([], 0.0)  # nobody goes on, or dies, before all have begun
            if group.rank and self.dies is not None and not self.dies.exists():
                self.dies.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            mine = group.mine(range(len(numbers.values)))
            total = group.add_up([], float(numbers.values[mine].sum()))
        (context.scratch / "mine").write_text(str(total))
        return Numbers(np.array([total]))
