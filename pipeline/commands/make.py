"""What commands that make a file have in common: carry out a plan and put one node's file away."""

import os
import sys
from pathlib import Path
from typing import Any

from pipeline.plan import Plan


def make(plan: Plan, node: str, target: Path, *, overwrite: bool) -> Any:
    """Do the plan in the usual work folder and publish the node's ``file``.

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
    from pipeline.show import Show
    from pipeline.store import Store

    output.refuse(target, (), overwrite=overwrite)
    keep_memory()
    store = Store(folders.cache() / "work")
    threads = len(os.sched_getaffinity(0))
    nodes = sum(each.stage is not None for each in plan.nodes.values())
    with (
        LocalPool(store, device="cpu", threads=threads) as pool,
        Show(target.name, nodes=nodes, verbosity=0) as show,
    ):
        done = schedule.run(plan, store, pool, show, targets=(node,))
    if done.failures:
        raise WorkFailed(done.failures[0])
    made: Any = done.load(node, store)
    output.publish(made.file, target, overwrite=overwrite)
    sys.stdout.write(f"{target}\n")
    return made
