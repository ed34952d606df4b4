"""What commands that make a file have in common: carry out a plan and put one node's file away."""

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from pipeline.plan import Plan


def make(
    plan: Plan,
    node: str,
    target: Path,
    *,
    overwrite: bool,
    inputs: tuple[Path, ...] = (),
    work_dir: Path | None = None,
    threads: int | None = None,
    verbosity: int = 0,
    timed: bool = False,
    on: str = "local",
    device: str = "cpu",
) -> Any:
    """Do the plan and publish the node's ``file``.

    Args:
        plan: what to do.
        node: whose artifact is published.
        target: where to.
        overwrite: the target may exist.
        inputs: what the target must not be.
        work_dir: where work is kept; the usual folder by default.
        threads: of each worker; all cores by default.
        verbosity: -1 says nothing, 0 shows progress.
        timed: also say how long each stage took.
        on: "local", or "ray": who does it.
        device: what stages that ask for a GPU get, "cpu" or "cuda".

    Returns:
        The node's artifact.

    Raises:
        WorkFailed: some work has no result.
        OutputRefused: the target cannot be written.
    """
    from pipeline import output

    output.refuse(target, inputs, overwrite=overwrite)
    (made,) = results(
        plan, (node,), target.name, work_dir=work_dir, threads=threads, verbosity=verbosity,
        timed=timed, on=on, device=device,
    )  # fmt: skip
    output.publish(made.file, target, overwrite=overwrite)
    sys.stdout.write(f"{target}\n")
    return made


def results(
    plan: Plan,
    wanted: tuple[str, ...],
    title: str,
    *,
    work_dir: Path | None = None,
    threads: int | None = None,
    verbosity: int = 0,
    timed: bool = False,
    on: str = "local",
    device: str = "cpu",
) -> list[Any]:
    """Do what these nodes need and return their artifacts; the options are those of ``make``.

    Raises:
        WorkFailed: some work has no result.
    """
    from pipeline import schedule
    from pipeline.allocator import keep_memory
    from pipeline.commands.clip import WorkFailed
    from pipeline.commands.job import make_pool
    from pipeline.options import work_folder
    from pipeline.show import Show, profile
    from pipeline.store import Store

    keep_memory()
    store = Store(work_folder(work_dir))
    # On a cluster 0: as many as the stage asked CPUs for.
    cores = threads or (len(os.sched_getaffinity(0)) if on == "local" else 0)
    nodes = sum(each.stage is not None for each in plan.needed(wanted))
    with (
        contextlib.closing(make_pool(on, store, device, cores)) as pool,
        Show(title, nodes=nodes, verbosity=verbosity) as show,
    ):
        done = schedule.run(plan, store, pool, show, targets=wanted)
    if timed:
        sys.stderr.write(profile(done.nodes) + "\n")
    if done.failures:
        raise WorkFailed(done.failures[0])
    return [done.load(node, store) for node in wanted]
