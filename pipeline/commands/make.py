"""What commands that make a file have in common: carry out a plan and put one node's file away."""

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
) -> Any:
    """Do the plan and publish the node's ``file``.

    Args:
        plan: what to do, on the CPU.
        node: whose artifact is published.
        target: where to.
        overwrite: the target may exist.
        inputs: what the target must not be.
        work_dir: where work is kept; the usual folder by default.
        threads: of each worker; all cores by default.
        verbosity: -1 says nothing, 0 shows progress.
        timed: also say how long each stage took.

    Returns:
        The node's artifact.

    Raises:
        WorkFailed: some work has no result.
        OutputRefused: the target cannot be written.
    """
    from pipeline import folders, output, schedule
    from pipeline.allocator import keep_memory
    from pipeline.commands.clip import WorkFailed
    from pipeline.local import LocalPool
    from pipeline.show import Show, profile
    from pipeline.store import Store

    output.refuse(target, inputs, overwrite=overwrite)
    keep_memory()
    store = Store(work_dir or folders.cache() / "work")
    cores = threads or len(os.sched_getaffinity(0))
    nodes = sum(each.stage is not None for each in plan.needed((node,)))
    with (
        LocalPool(store, device="cpu", threads=cores) as pool,
        Show(target.name, nodes=nodes, verbosity=verbosity) as show,
    ):
        done = schedule.run(plan, store, pool, show, targets=(node,))
    if timed:
        sys.stderr.write(profile(done.nodes) + "\n")
    if done.failures:
        raise WorkFailed(done.failures[0])
    made: Any = done.load(node, store)
    output.publish(made.file, target, overwrite=overwrite)
    sys.stdout.write(f"{target}\n")
    return made
