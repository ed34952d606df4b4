"""Progress of a run, from its events: a live line on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TextIO

from pipeline.report import NodeReport
from pipeline.watch import (
    Event,
    NodeFinished,
    NodeStarted,
    Waiting,
    WorkFailed,
    WorkFinished,
    WorkLost,
    WorkProgress,
    WorkStarted,
)

EVERY = 5.0
"""Seconds between two plain lines."""


@dataclass
class Stage:
    """What is known of one node of the plan."""

    name: str
    works: int
    settled: int = 0
    """Works that are finished, reused or failed."""
    reused: int = 0
    finished: bool = False
    running: dict[int | None, tuple[int, int]] = field(default_factory=dict)
    began: float | None = None
    """When its first work began that had to be done."""
    frames: int = 0
    """Frames counted by works that are settled."""

    def begin(self, index: int | None, now: float) -> None:
        """A worker has one of its works."""
        self.began = now if self.began is None else self.began
        self.running[index] = (0, 0)

    def settle(self, index: int | None) -> None:
        """One of its works needs no more attention."""
        self.frames += self.running.pop(index, (0, 0))[0]
        self.settled += 1

    def fraction(self) -> float:
        """How much of it is done, in [0, 1]."""
        parts = sum(done / total for done, total in self.running.values() if total)
        return min((self.settled + parts) / self.works, 1.0) if self.works else 1.0

    def rate(self, now: float) -> float:
        """Frames per second since it began; 0 when nothing was counted yet."""
        frames = self.frames + sum(done for done, _ in self.running.values())
        spent = now - self.began if self.began is not None else 0.0
        return frames / spent if spent > 0 else 0.0

    def left(self, now: float) -> float | None:
        """Seconds until it is done at the pace so far; None while that cannot be said."""
        fresh = self.fraction() - self.reused / max(self.works, 1)
        if self.began is None or fresh <= 0:
            return None
        return (now - self.began) * (1 - self.fraction()) / fresh

    def line(self, now: float) -> str:
        """Name, share, pace and time left, as far as they are known."""
        parts = [self.name, f"{100 * self.fraction():.0f} %"]
        if self.works > 1:
            parts.append(f"{self.settled} of {self.works}")
        if rate := self.rate(now):
            parts.append(f"{rate:.2g} frames/s" if rate < 10 else f"{rate:.0f} frames/s")
        left = self.left(now)
        if left is not None:
            parts.append(f"{clock_time(left)} left in this stage")
        return "  ".join(parts)


def clock_time(seconds: float) -> str:
    """``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def profile(nodes: Mapping[str, NodeReport]) -> str:
    """Where the time of a run went, a line a stage. ``saved``: seconds that earlier runs spent."""
    lines = [
        f"{'stage':<16} {'works':>6} {'reused':>7} {'seconds':>9} {'share':>6} {'saved':>8} MB"
    ]
    total = sum(node.seconds for node in nodes.values()) or 1.0
    for name, node in nodes.items():
        lines.append(
            f"{name:<16} {node.works:>6} {node.reused:>7} {node.seconds:>9.2f} "
            f"{100 * node.seconds / total:>5.0f}% {node.saved:>8.1f} {node.peak_rss / 1e6:.0f}"
        )
    return "\n".join(lines)


class Show:
    """A watch that tells a person what is going on. A context manager: it ends its line at exit.

    Args:
        title: said before each line, such as the clip's name.
        nodes: how many nodes the plan works on; 0 leaves it unsaid.
        verbosity: -1 nothing, 0 progress, 1 also each stage's beginning and end.
        stream: where to; stderr by default.
        live: rewrite one line; by default when the stream is a terminal.
        every: seconds between two plain lines.
        clock: the time in seconds, from anywhere.
    """

    def __init__(
        self,
        title: str = "",
        *,
        nodes: int = 0,
        verbosity: int = 0,
        stream: TextIO | None = None,
        live: bool | None = None,
        every: float = EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stages: dict[str, Stage] = {}
        self._title = title
        self._nodes = nodes
        self._verbosity = verbosity
        self._stream = stream or sys.stderr
        self._every = every
        self._clock = clock
        self._lock = threading.RLock()
        self._last = clock()
        self._done = threading.Event()
        self._live = None
        terminal = self._stream.isatty() if live is None else live
        if verbosity >= 0 and terminal:
            from rich.console import Console
            from rich.live import Live

            console = Console(file=self._stream)
            self._live = Live(
                console=console,
                get_renderable=self.line,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
        self._beat = threading.Thread(target=self._heartbeat, daemon=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        elif self._verbosity >= 0:
            self._beat.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._live:
            self._live.stop()
        elif self._beat.is_alive():
            self._beat.join()

    def __call__(self, event: Event) -> None:
        with self._lock:
            self._take(event)
            if not self._live and self._clock() - self._last >= self._every:
                self._plain()

    def say(self, sentence: str) -> None:
        """Write a line that stays, above the live one if there is one."""
        if self._verbosity < 0:
            return
        if self._live:
            self._live.console.print(sentence, highlight=False, markup=False, soft_wrap=True)
        else:
            self._stream.write(sentence + "\n")
            self._stream.flush()

    def line(self) -> str:
        """What goes on now, in one line."""
        with self._lock:
            now = self._clock()
            busy = [stage for stage in self.stages.values() if stage.running]
            doing = "; ".join(stage.line(now) for stage in busy) or "..."
            finished = sum(stage.finished for stage in self.stages.values())
            of = f"[{min(finished + 1, self._nodes)}/{self._nodes}] " if self._nodes else ""
            return f"{self._title}{': ' if self._title else ''}{of}{doing}"

    def _take(self, event: Event) -> None:
        now = self._clock()
        match event:
            case NodeStarted(node, works):
                self.stages[node] = Stage(node, works)
                if self._verbosity > 0:
                    self.say(f"{node}: begins, {works} to do")
            case WorkStarted(node, index, _):
                self._stage(node).begin(index, now)
            case WorkProgress(node, index, done, total):
                self._stage(node).running[index] = (done, total)
            case WorkFinished(node, index, _, reused, _):
                self._stage(node).settle(index)
                self._stage(node).reused += reused
            case WorkFailed(failure):
                self._stage(failure.node).settle(failure.index)
            case WorkLost(node, index, attempt, text):
                self._stage(node).running.pop(index, None)
                where = node if index is None else f"{node}[{index}]"
                self.say(f"{where}: its worker was lost in attempt {attempt} ({text}).")
            case Waiting(text):
                self.say(f"{text}.")
            case NodeFinished(node, works, reused, failed, seconds):
                self._stage(node).finished = True
                if self._verbosity > 0:
                    self.say(
                        f"{node}: {works} done, {reused} reused, {failed} failed, {seconds:.1f} s"
                    )

    def _stage(self, node: str) -> Stage:
        return self.stages.setdefault(node, Stage(node, 1))

    def _plain(self) -> None:
        self._last = self._clock()
        if self._verbosity >= 0 and any(stage.running for stage in self.stages.values()):
            self.say(self.line())

    def _heartbeat(self) -> None:
        """A line now and then also while a stage is silent."""
        while not self._done.wait(self._every / 4):
            with self._lock:
                if self._clock() - self._last >= self._every:
                    self._plain()
