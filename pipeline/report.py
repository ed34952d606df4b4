"""What a run came to."""

from dataclasses import dataclass, field

from pipeline.artifact import Artifact, Ref
from pipeline.failure import Failure
from pipeline.store import Store
from pipeline.worker import Done


@dataclass
class NodeReport:
    """Sums over the works of a node. ``seconds`` were spent in this run, ``saved`` in earlier ones.

    ``peak_rss`` is in bytes, the most of any one work.
    """

    works: int = 0
    done: int = 0
    reused: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    saved: float = 0.0
    peak_rss: int = 0

    def count(self, result: Done | Failure) -> None:
        """Add one work's outcome."""
        if isinstance(result, Failure):
            self.skipped += result.kind == "skipped"
            self.failed += result.kind != "skipped"
            return
        self.peak_rss = max(self.peak_rss, result.peak_rss)
        if result.reused:
            self.reused += 1
            self.saved += result.seconds
        else:
            self.done += 1
            self.seconds += result.seconds

    @property
    def settled(self) -> int:
        """Works that need no more attention."""
        return self.done + self.reused + self.failed + self.skipped


@dataclass
class Report:
    """Results and failures of a run, by node.

    ``refs``: the results of each node, with None for a missing one; a node that failed before the
    number of its results was known has none at all.
    """

    refs: dict[str, tuple[Ref | None, ...]] = field(default_factory=dict)
    nodes: dict[str, NodeReport] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether everything that was asked for is there."""
        return not self.failures

    @property
    def exit_code(self) -> int:
        """0, or the exit code of the first failure that is not a consequence of another."""
        return self.failures[0].exit_code if self.failures else 0

    def load(self, name: str, store: Store) -> Artifact:
        """The artifact of a node that has one.

        Raises:
            LookupError: it failed, or it is many.
        """
        refs = self.refs.get(name, ())
        if len(refs) == 1 and refs[0] is not None:
            return store.load(refs[0])
        why = next((f.text for f in self.failures if f.node == name), f"{len(refs)} results")
        raise LookupError(f"the run has no single result of {name!r}: {why}")
