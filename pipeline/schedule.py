"""Carrying out a plan on a pool: reuse what is there, name what fails, go on with the rest."""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.artifact import Ref
from pipeline.failure import Failure
from pipeline.plan import All, Each, Edge, Node, One, Plan, sources
from pipeline.pool import Outcome, Pool
from pipeline.report import NodeReport, Report
from pipeline.store import Store
from pipeline.watch import NodeFinished, NodeStarted, Watch, WorkFailed, WorkFinished, silent
from pipeline.work import Given, work
from pipeline.worker import Done, reused


def run(
    plan: Plan,
    store: Store,
    pool: Pool,
    watch: Watch = silent,
    targets: Iterable[Node | str] | None = None,
) -> Report:
    """Carry out a plan, or as much of it as the targets need.

    A failed work's descendants are skipped; all else goes on. A stage that gathers a list with a
    missing element is skipped too, unless it says ``accepts_partial``. Nodes that come
    to equal work (the same key) share it: the pool is given it once.

    Args:
        plan: what to do.
        store: what is in it is not done again.
        pool: who does it. It is not closed.
        watch: told of each event, in this thread.
        targets: nodes, or names of nodes, whose results are wanted; None for all.
    """
    store.sweep()
    pool.expect(node.stage for node in plan.nodes.values() if node.stage)
    return _Run(plan.needed(targets), store, pool, watch).to_the_end()


@dataclass
class _State:
    """Where a node stands.

    ``slots`` are its results: None while one is pending, a Failure where there will be none. The
    list itself is None until their number is known. ``failure``: it never will be.
    """

    slots: list[Ref | Failure | None] | None = None
    failure: Failure | None = None
    started: set[int] = field(default_factory=set)
    sized: bool = False
    complete: bool = False


class _Pending(Exception):
    """An input is not there yet."""


class _Hole(Exception):
    """An input will never be there."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure


class _Run:
    def __init__(self, nodes: list[Node], store: Store, pool: Pool, watch: Watch) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.store = store
        self.pool = pool
        self.watch = watch
        self.states = {node.name: _State() for node in nodes}
        self.report = Report(nodes={n.name: NodeReport() for n in nodes if n.stage})
        self.dependents: dict[str, list[tuple[Node, Edge]]] = {n.name: [] for n in nodes}
        for node in nodes:
            for edge in node.inputs.values():
                for source in sources(edge):
                    self.dependents[source.name].append((node, edge))
        self.agenda: deque[tuple[Node, int]] = deque()
        self.in_flight: dict[str, list[tuple[Node, int]]] = {}
        """Who waits for each work that is with the pool. Equal work is done once, for all."""
        self.failed: dict[str, Failure] = {}

    def to_the_end(self) -> Report:
        began = time.perf_counter()
        for node in self.nodes.values():
            self._size(node)
        self._look()
        while self.in_flight:
            self._came_back(self.pool.next(self.watch))
            self._look()
        for name, state in self.states.items():
            refs = state.slots or []
            self.report.refs[name] = tuple(r if isinstance(r, Ref) else None for r in refs)
        self.report.failures.sort(key=lambda f: f.kind == "skipped")
        self.report.seconds = time.perf_counter() - began
        return self.report

    def _look(self) -> None:
        while self.agenda:
            self._examine(*self.agenda.popleft())

    def _size(self, node: Node) -> None:
        """Find out how many works a node has, once that can be known."""
        state = self.states[node.name]
        if state.sized or state.failure:
            return
        if node.given is not None:
            state.slots, state.sized, state.complete = [node.given], True, True
            return
        count = 1
        if node.mapped:
            each = {
                e.node.name: self.states[e.node.name]
                for e in node.inputs.values()
                if isinstance(e, Each)
            }
            if failed := next((s.failure for s in each.values() if s.failure), None):
                self._fail_whole(node, _skipped(node, None, failed))
                return
            lengths = {name: len(s.slots) for name, s in each.items() if s.slots is not None}
            if len(lengths) < len(each):
                return
            if len(set(lengths.values())) > 1:
                text = f"these do not advance together, their lengths differ: {lengths}"
                self._fail_whole(node, Failure(node.name, None, "stage", text))
                return
            count = next(iter(lengths.values()))
        if node.mapped or not node.many:
            state.slots = [None] * count
        state.sized = True
        self.report.nodes[node.name].works = count
        self.watch(NodeStarted(node.name, count))
        self.agenda.extend((node, index) for index in range(count))
        for dependent, edge in self.dependents[node.name]:
            if isinstance(edge, Each) and state.slots is not None:
                self._size(dependent)
        if count == 0:
            self._complete(node)

    def _examine(self, node: Node, index: int) -> None:
        """Reuse, submit or skip a work if all it needs is settled."""
        state = self.states[node.name]
        if not state.sized or index in state.started or state.failure:
            return
        if not 0 <= index < self.report.nodes[node.name].works:
            return  # the neighbour of an end
        place = index if node.mapped else None
        inputs: dict[str, Given] = {}
        try:
            assert node.stage is not None
            for name, edge in node.inputs.items():
                inputs[name] = self._input(edge, index, node.stage.accepts_partial)
        except _Pending:
            return
        except _Hole as hole:
            state.started.add(index)
            self._settle(node, index, _skipped(node, place, hole.failure))
            return
        state.started.add(index)
        one = work(node.name, place, node.stage, inputs, node.many and not node.mapped)
        if one.key in self.in_flight:
            self.in_flight[one.key].append((node, index))
        elif one.key in self.failed:
            self._settle(node, index, _as_of(node, index, self.failed[one.key]), one.key)
        elif done := reused(self.store, one):
            self._settle(node, index, done, one.key)
        else:
            self.in_flight[one.key] = [(node, index)]
            self.pool.submit(one, node.depth)

    def _input(self, edge: Edge, index: int, partial: bool) -> Given:
        if isinstance(edge, All):
            return self._gather(edge, partial)
        state = self.states[edge.node.name]
        if state.failure:
            raise _Hole(state.failure)
        if state.slots is None:
            raise _Pending
        place = 0 if isinstance(edge, One) else index + edge.offset
        if not 0 <= place < len(state.slots):
            return None
        return _present(state.slots[place])

    def _gather(self, edge: All, partial: bool) -> tuple[Ref, ...]:
        states = [self.states[node.name] for node in edge.nodes]
        failures = [s.failure for s in states if s.failure]
        slots = [slot for s in states for slot in s.slots or ()]
        failures += [slot for slot in slots if isinstance(slot, Failure)]
        refs = tuple(slot for slot in slots if isinstance(slot, Ref))
        if failures and not partial:
            raise _Hole(failures[0])
        if not all(s.complete for s in states):
            raise _Pending
        if failures and not refs:
            raise _Hole(failures[0])
        return refs

    def _came_back(self, outcome: Outcome) -> None:
        key, result = outcome.work.key, outcome.result
        if isinstance(result, Failure):
            self.failed[key] = result
        for node, index in self.in_flight.pop(key):
            if isinstance(result, Failure):
                self._settle(node, index, _as_of(node, index, result), key)
            else:
                self._settle(node, index, result, key)
                result = replace(result, reused=True)  # what it cost counts once

    def _settle(self, node: Node, index: int, result: Done | Failure, key: str = "") -> None:
        """Note what became of a work, and look at those that wait for it."""
        state, report = self.states[node.name], self.report.nodes[node.name]
        place = index if node.mapped else None
        if node.many and not node.mapped:
            if isinstance(result, Failure):
                self._fail_whole(node, result)
                return
            state.slots = [Ref(key, node.produces) for key in result.keys]
        else:
            assert state.slots is not None
            if isinstance(result, Failure):
                state.slots[index] = result
            else:
                state.slots[index] = Ref(result.keys[0], node.produces)
        report.count(result)
        if isinstance(result, Failure):
            self.report.failures.append(result)
            self.watch(WorkFailed(result))
        else:
            seconds, rss = result.seconds, result.peak_rss
            self.watch(WorkFinished(node.name, place, seconds, result.reused, rss, key))
        for dependent, edge in self.dependents[node.name]:
            if isinstance(edge, Each) and self.states[dependent.name].slots is not None:
                self.agenda.append((dependent, index - edge.offset))
        if report.settled == report.works:
            self._complete(node)

    def _fail_whole(self, node: Node, failure: Failure) -> None:
        """A node whose number of results will never be known."""
        report = self.report.nodes[node.name]
        report.works = max(report.works, 1)
        report.count(failure)
        self.states[node.name].failure = failure
        self.report.failures.append(failure)
        self.watch(WorkFailed(failure))
        self._complete(node)

    def _complete(self, node: Node) -> None:
        report, self.states[node.name].complete = self.report.nodes[node.name], True
        failed = report.failed + report.skipped
        self.watch(NodeFinished(node.name, report.works, report.reused, failed, report.seconds))
        for dependent, _ in self.dependents[node.name]:
            self._size(dependent)
            slots = self.states[dependent.name].slots
            self.agenda.extend((dependent, i) for i in range(1 if slots is None else len(slots)))


def _present(slot: Ref | Failure | None) -> Ref:
    if slot is None:
        raise _Pending
    if isinstance(slot, Failure):
        raise _Hole(slot)
    return slot


def _as_of(node: Node, index: int, failure: Failure) -> Failure:
    """The failure of equal work, at this place of the plan."""
    return replace(failure, node=node.name, index=index if node.mapped else None)


def _skipped(node: Node, index: int | None, cause: Failure) -> Failure:
    """A consequence of another failure. It names the first cause, not the last link."""
    if cause.kind == "skipped":
        return Failure(node.name, index, "skipped", cause.text, cause.exit_code)
    name = cause.node if cause.index is None else f"{cause.node}[{cause.index}]"
    text = f"needs {name}, which failed: {cause.text}"
    return Failure(node.name, index, "skipped", text, cause.exit_code)
