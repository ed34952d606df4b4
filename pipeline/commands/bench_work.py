"""Carrying out a bench: what it is given, and what comes of each of its nodes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configs.bench_plan import Bench, Files
    from pipeline.report import Report
    from pipeline.store import Store
    from pipeline.weights import Weights


@dataclass(frozen=True)
class Machine:
    """Where and how loudly. ``threads``: None for all cores."""

    device: str = "auto"
    threads: int | None = None
    work_dir: Path | None = None
    quiet: bool = False

    def check(self) -> None:
        """Raises UsageError when the device is none."""
        from pipeline.failure import UsageError

        if self.device not in ("auto", "cpu", "cuda"):
            raise UsageError(f"--device {self.device!r}: auto, cpu or cuda.")


@dataclass(frozen=True)
class Findings:
    """What a bench came to. ``partial``: some of it could not be had."""

    report: "Report"
    store: "Store"

    @property
    def partial(self) -> bool:
        return bool(self.report.failures)

    def of(self, node: str) -> Any:
        """The node's artifact, or, as a string, why there is none."""
        try:
            return self.report.load(node, self.store)
        except LookupError:
            known = (f for f in self.report.failures if f.node == node)
            return next(known, self.report.failures[0]).text

    def refuse_nothing(self, results: "list[Any]") -> None:
        """Raises WorkFailed when not one of the results is more than a reason."""
        from pipeline.commands.clip import WorkFailed

        if self.partial and all(isinstance(found, str) for found in results):
            raise WorkFailed(self.report.failures[0])


def given_files(encoder: Path | None, identity: Path | None, *, quiet: bool) -> "Files":
    """Weights and networks, as far as they can be had."""
    from configs.bench_plan import Files
    from pipeline.commands.at_hand import at_hand
    from pipeline.commands.given import given_file
    from pipeline.commands.weights import say
    from pipeline.weights import Weights
    from pipeline.weights import quiet as silent

    have = Weights(say=silent if quiet else say)
    network = None if identity is None else given_file(identity)
    niqe = have.given("niqe") if at_hand(have, ("niqe",)) else None
    return Files(have.given, _encoder(have, encoder), network, niqe)


def _encoder(have: "Weights", file: Path | None) -> tuple[Path, str] | None:
    """The encoder's file and sha256: the named one, or ours where it is shipped."""
    from configs.inversion import ENCODER
    from pipeline.commands.given import given_file
    from pipeline.failure import MissingDependency, UsageError

    if file is not None:
        return given_file(file)
    try:
        folder, sha256 = have.given(ENCODER)
    except (MissingDependency, UsageError):
        return None
    return folder / "encoder.safetensors", sha256


def carry_out(bench: "Bench", machine: Machine) -> Findings:
    """All nodes; what the store has is not done again."""
    import os

    from pipeline import device, schedule
    from pipeline.allocator import keep_memory
    from pipeline.local import LocalPool
    from pipeline.options import work_folder
    from pipeline.show import Show
    from pipeline.store import Store

    machine.check()
    where = device.choose(machine.device)  # type: ignore[arg-type]  # checked above
    keep_memory()
    store = Store(work_folder(machine.work_dir))
    cores = machine.threads or len(os.sched_getaffinity(0))
    nodes = sum(each.stage is not None for each in bench.plan.nodes.values())
    with (
        LocalPool(store, device=where, threads=cores) as pool,
        Show("bench", nodes=nodes, verbosity=-1 if machine.quiet else 0) as show,
    ):
        return Findings(schedule.run(bench.plan, store, pool, show), store)
