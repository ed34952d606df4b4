"""A batch of many plans on simulated machines, and what it came to."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from pipeline import schedule
from pipeline.failure import UsageError
from pipeline.plan import Plan
from pipeline.pool import Outcome
from pipeline.simulated import Cost, Machine, SimulatedPool
from pipeline.store import Store
from pipeline.watch import Watch

FULL = 0.9
"""A resource that is in use this share of the time holds the batch up."""
HEAD = (
    f"{'nodes':>6} {'pieces':>8} {'makespan':>10} {'GPU':>6} {'CPU':>6} {'driver':>7} "
    f"{'ms/piece':>9} {'MB':>6}  held up by"
)


@dataclass(frozen=True)
class Simulated:
    """What a batch would come to.

    ``makespan``: seconds. ``gpu``, ``cpu``, ``driver``: share of it that they were in use.
    ``scheduler``: seconds of this machine's CPU that scheduler, keys and store really took, a
    piece; ``planning``: and that the plans took. ``rss``: bytes of this process afterwards.
    """

    nodes: int
    pieces: int
    makespan: float
    gpu: float
    cpu: float
    driver: float
    scheduler: float
    planning: float
    rss: int

    @property
    def held_up_by(self) -> str:
        """What would have to be faster, or more."""
        if self.driver > FULL:
            return "the driver"
        if self.gpu > FULL:
            return "GPUs"
        if self.cpu > FULL:
            return "CPUs"
        return "neither: chains of works that wait for each other, or too few clips"

    def line(self) -> str:
        """In one line under ``HEAD``."""
        hours = f"{self.makespan / 3600:.2f} h"
        return (
            f"{self.nodes:>6} {self.pieces:>8} {hours:>10} {self.gpu:>6.0%} {self.cpu:>6.0%} "
            f"{self.driver:>7.0%} {1000 * (self.scheduler + self.planning):>9.2f} "
            f"{self.rss / 1e6:>6.0f}  {self.held_up_by}"
        )


class _Timed(SimulatedPool):
    """Keeps apart what the simulation itself takes."""

    inside = 0.0

    def next(self, watch: Watch) -> Outcome:
        began = time.process_time()
        outcome = super().next(watch)
        self.inside += time.process_time() - began
        return outcome


def simulate_on(
    plans: Iterable[Plan], machines: Sequence[Machine], cost: Cost, dispatch: float
) -> Simulated:
    """Carry out all plans as one.

    Args:
        plans: of one clip and edit each, with the node ``result``.
        machines: of the cluster, all free.
        cost: of each work.
        dispatch: seconds of the driver for each work.

    Raises:
        UsageError: a stage fits on no machine.
    """
    had_gpus, had_cpus = sum(m.gpus for m in machines), sum(m.cpus for m in machines)
    began = time.process_time()
    plan, results = Plan(), []
    for number, each in enumerate(plans, 1):
        prefix = f"{number:04d}."
        plan.include(prefix, each)
        results.append(f"{prefix}result")
    planned = time.process_time()
    pool = _Timed(machines, cost, dispatch=dispatch, gpu=had_gpus > 0)
    with TemporaryDirectory(prefix="pipeline-simulate-") as folder:
        report = schedule.run(plan, Store(Path(folder)), pool, targets=results)
    scheduled = time.process_time() - planned - pool.inside
    if report.failures:
        raise UsageError(f"Nothing to simulate: {report.failures[0].text}.")
    spent = pool.spent
    return Simulated(
        nodes=len(machines),
        pieces=spent.works,
        makespan=spent.clock,
        gpu=spent.gpu / (had_gpus * spent.clock) if had_gpus else 0.0,
        cpu=spent.cpu / (had_cpus * spent.clock),
        driver=spent.driver / spent.clock,
        scheduler=scheduled / spent.works,
        planning=(planned - began) / spent.works,
        rss=psutil.Process().memory_info().rss,
    )
