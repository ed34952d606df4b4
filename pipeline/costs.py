"""What each stage of a batch was measured to cost, from the batch's log."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.batch_show import split
from pipeline.failure import UsageError
from pipeline.plan import Each, Plan
from pipeline.work import Work


@dataclass(frozen=True)
class Costs:
    """``seconds``: of every work that was done, by the node's own name. ``elements``: of one clip.

    ``faster``: what the seconds of stages that hold a GPU are divided by.
    """

    seconds: Mapping[str, tuple[float, ...]]
    elements: Mapping[str, int]
    faster: float = 1.0

    def __call__(self, work: Work) -> tuple[float, int]:
        """Seconds and number of elements of a work: one of those measured, chosen by its key."""
        own = split(work.node)[1]
        measured = self.seconds[own]
        seconds = measured[int(work.key[:8], 16) % len(measured)]
        if work.stage.resources.gpus:
            seconds /= self.faster
        return seconds, self.elements.get(own, 1)


def measured(events: Iterable[Mapping[str, Any]], plans: Sequence[Plan]) -> Costs:
    """The costs in a log of batches of these plans (of one clip).

    Raises:
        UsageError: a stage of the plans was never done in the log.
    """
    seconds: dict[str, list[float]] = defaultdict(list)
    works: dict[str, list[int]] = defaultdict(list)
    for event in events:
        if event["event"] == "WorkFinished" and not event["reused"]:
            seconds[split(event["node"])[1]].append(event["seconds"])
        elif event["event"] == "NodeStarted":
            works[split(event["node"])[1]].append(event["works"])
    nodes = [node for plan in plans for node in plan.nodes.values()]
    missing = {n.name for n in nodes if n.stage and n.name not in seconds}
    if missing:
        raise UsageError(f"The log tells of no work of: {', '.join(sorted(missing))}.")
    elements = {
        edge.node.name: round(sum(works[node.name]) / len(works[node.name]))
        for node in nodes
        for edge in node.inputs.values()
        if isinstance(edge, Each) and not edge.node.mapped
    }
    return Costs({name: tuple(each) for name, each in seconds.items()}, elements)
