"""One clip through the plan of an edit: checks, work, and the result put in place."""

import json
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pipeline import output
from pipeline.failure import Failure, InputError, PipelineError, UsageError
from pipeline.fetch import digest
from pipeline.options import RunOptions
from pipeline.verdict import PARTIAL

if TYPE_CHECKING:
    from configs.edit import EditClip
    from configs.transfer import Transfer
    from pipeline.plan import Plan
    from pipeline.pool import Pool
    from pipeline.report import NodeReport
    from pipeline.store import Store
    from pipeline.watch import Watch

WORK_SPACE = 512 << 20
"""Bytes that have to be free for the work on a clip, beside this many times the clip itself:"""
WORK_SHARE = 20
GROWTH = 2.5
"""Times its size that an output may have (issue 2: the bytes of the video stream)."""

GiveWeights = Callable[[str], tuple[Path, str]]


class WorkFailed(PipelineError):
    """A piece of a clip's work has no result. Its exit code is that of the failure."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.text)
        self.failure = failure
        self.exit_code = failure.exit_code  # type: ignore[misc]  # a class's own elsewhere


@dataclass
class Outcome:
    """What became of one clip. ``output`` is None when nothing was written."""

    clip: Path
    output: Path | None = None
    exit_code: int = 0
    error: str | None = None
    seconds: float = 0.0
    report: dict[str, Any] = field(default_factory=dict)
    stages: "dict[str, NodeReport]" = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """As ``--json`` and ``--report`` write it."""
        return {
            "clip": str(self.clip),
            "output": str(self.output) if self.output else None,
            "exit_code": self.exit_code,
            "error": self.error,
            "seconds": round(self.seconds, 3),
            "report": self.report,
            "stages": {name: asdict(node) for name, node in self.stages.items()},
        }


def check(clip: Path, target: Path, clips: tuple[Path, ...], *, overwrite: bool) -> None:
    """What can be refused before anything is read.

    Raises:
        InputError: see ``check_clip``.
        OutputRefused: see ``output.refuse``.
    """
    check_clip(clip)
    output.refuse(target, clips, overwrite=overwrite)


def check_clip(clip: Path) -> None:
    """Whether a clip can be read at all.

    Raises:
        InputError: it is not there, is no file, or cannot be read.
    """
    try:
        mode = clip.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"{clip} is a folder, not a clip.")
        if not stat.S_ISREG(mode):  # before it is opened: a pipe would be waited for
            raise InputError(f"{clip} is not a regular file.")
        with clip.open("rb"):
            pass
    except OSError as error:
        raise InputError(f"{clip} cannot be read ({error.strerror}).") from error


def check_space(clip: Path, target: Path, work: Path) -> None:
    """Refuse to begin what will not fit.

    Raises:
        OutOfResources: the disk of the output or of the work folder is too full.
    """
    size = clip.stat().st_size
    output.need_space(target.parent, int(size * GROWTH))
    output.need_space(work, WORK_SPACE + WORK_SHARE * size)


def settings(options: RunOptions, target: Path) -> "EditClip":
    """The options as the settings of the edit.

    Raises:
        UsageError: a value is not permitted; the sentence is that of the setting's own check.
    """
    from configs.edit import EditClip

    try:
        return EditClip(
            directions=options.direction,
            edits=options.edit,
            transfers=_transfers(options),
            face=options.face,
            identity=options.identity,
            preset=options.preset,
            precision=options.chosen_precision,
            start=options.start,
            end=options.end,
            codec=options.codec,
            crf=options.crf,
            compare=options.compare,
            clamp=options.clamp,
            suffix=target.suffix.lower(),
        )
    except ValidationError as error:
        first = error.errors()[0]
        told = first["msg"].removeprefix("Value error, ")
        if first["type"] != "value_error" and first["loc"]:
            told = f"{first['loc'][0]} is {first['input']!r}: {told}"
        raise UsageError(told[0].upper() + told[1:].rstrip(".") + ".") from error


def _transfers(options: RunOptions) -> "tuple[Transfer, ...]":
    if not options.transfer:
        return ()
    from configs.transfer import parse_transfers

    return parse_transfers(options)


def make_plan(edit: "EditClip", clip: Path, give: GiveWeights) -> "tuple[Plan, str]":
    """The plan for a clip, and the key of the clip in it."""
    from pipeline.artifact import Ref
    from stages.artifacts import SourceClip

    source = SourceClip(path=clip.resolve(), sha256=digest(clip))
    return edit.plan(source, give), Ref.to(source).key


def look(edit: "EditClip", plan: "Plan", device: str, threads: int) -> str:
    """What a dry run tells of the clip: the cheap first nodes, done in a folder that goes away.

    Raises:
        WorkFailed: as the real run would, at the same point.
    """
    from pipeline import schedule
    from pipeline.local import LocalPool
    from pipeline.store import Store

    if not edit.outlook:
        return ""
    with TemporaryDirectory(prefix="pipeline-dry-run-") as folder:
        store = Store(Path(folder))
        pool = LocalPool(store, device=device, threads=threads)
        done = schedule.run(plan, store, pool, targets=edit.outlook)
        if done.failures:
            raise WorkFailed(edit.told(done.failures[0]))
        return edit.look({name: done.load(name, store) for name in edit.outlook})


def work(
    plan: "Plan", target: Path, outcome: Outcome, store: "Store", pool: "Pool", watch: "Watch",
    *, edit: "EditClip", overwrite: bool, strict: bool, report: bool,
) -> None:  # fmt: skip
    """Carry out the plan and publish its result.

    Raises:
        WorkFailed: some work has no result. Nothing was published.
        OutputRefused: the output cannot be put in place.
    """
    from pipeline import schedule

    # What can refuse the clip comes before anything that takes long.
    done = schedule.run(plan, store, pool, watch, targets=edit.first)
    if not done.failures:
        done = schedule.run(plan, store, pool, watch)
    outcome.stages, outcome.seconds = done.nodes, done.seconds
    if done.failures:
        raise WorkFailed(edit.told(done.failures[0]))
    rendered: Any = done.load("result", store)
    outcome.report = rendered.report()
    output.publish(rendered.file, target, overwrite=overwrite)
    outcome.output = target.resolve()
    if strict and outcome.report.get("passed"):
        outcome.exit_code = PARTIAL
        outcome.error = f"{outcome.report['passed']} frames passed through unedited (--strict)."
    if report:
        with TemporaryDirectory() as folder:
            page = Path(folder, "report.json")
            page.write_text(json.dumps(outcome.as_json(), indent=2) + "\n", encoding="utf-8")
            output.publish(page, target.with_name(target.name + ".json"), overwrite=True)
