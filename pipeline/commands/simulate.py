"""``pipeline simulate``: the scheduler on a simulated clock, with what a real batch cost."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.batch import Id
from pipeline.commands.flags import Json, WorkDir

if TYPE_CHECKING:
    from configs.edit import EditClip
    from pipeline.plan import Plan
    from pipeline.simulation import Simulated
    from pipeline.weights import Weights


def simulate(
    name: Id = None,
    clips: Annotated[
        int, typer.Option(min=1, help="How many, each like those of the batch.")
    ] = 100,
    nodes: Annotated[
        list[int] | None, typer.Option(min=1, help="Of the cluster; repeatable. Default: 1.")
    ] = None,
    gpus: Annotated[float, typer.Option(min=0, help="Of a node.")] = 0,
    cpus: Annotated[float, typer.Option(min=0.1, help="Of a node.")] = 8,
    memory: Annotated[float, typer.Option(min=0.1, help="Of a node, in GiB.")] = 64,
    faster: Annotated[
        float, typer.Option(min=0.01, help="Than measured: stages that hold a GPU.")
    ] = 1.0,
    dispatch: Annotated[
        float, typer.Option(min=0, help="Milliseconds of the driver for each piece of work.")
    ] = 1.5,
    json: Json = False,
    work_dir: WorkDir = None,
) -> None:
    """Plan a large batch: how long, how busy, and what holds it up.

    Takes the seconds of each stage from the log of a batch that was run, and lets the real
    scheduler carry out as many clips on machines that are not there.

    Example: pipeline simulate --clips 10000 --nodes 500 --gpus 1 --cpus 12 --faster 40
    """
    import json as json_module
    from dataclasses import asdict, replace

    from pipeline.batch import Batch
    from pipeline.batch_status import read_events
    from pipeline.commands.batch_run import Edits
    from pipeline.costs import measured
    from pipeline.options import work_folder
    from pipeline.simulated import Machine
    from pipeline.simulation import HEAD, simulate_on
    from pipeline.weights import Weights

    batch = Batch.find(work_folder(work_dir), name)
    record = batch.record()
    first = record.jobs[0].clip
    edits = Edits()
    kinds = [edits.of(kept.job()) for kept in record.jobs if kept.clip == first]
    weights = Weights(named=record.options.weights)
    of_one_clip = [_plan(kind, 0, weights) for kind in kinds]
    costs = replace(measured(read_events(batch.log), of_one_clip), faster=faster)
    rows: list[Simulated] = []
    if not json:
        sys.stdout.write(HEAD + "\n")
    for count in nodes or [1]:
        plans = (_plan(kind, n, weights) for n in range(clips) for kind in kinds)
        machines = [Machine(cpus, gpus, memory * 2**30) for _ in range(count)]
        rows.append(simulate_on(plans, machines, costs, dispatch / 1000))
        if not json:
            sys.stdout.write(rows[-1].line() + "\n")
    if json:
        sys.stdout.write(json_module.dumps([asdict(row) for row in rows], indent=2) + "\n")


def _plan(edit: "EditClip", number: int, weights: "Weights") -> "Plan":
    from stages.artifacts import SourceClip

    source = SourceClip(path=Path(f"/simulated/{number}"), sha256=f"{number:064x}")
    return edit.plan(source, weights.given)
