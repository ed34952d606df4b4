"""A batch's own folder: what it is to do, its log, who drives it, and which outputs are its own.

work/batches/<id>/batch.json      the jobs, as they were resolved
work/batches/<id>/events.jsonl    all that happened, over all drivers
work/batches/<id>/drivers/        a file for each driver, touched while it lives
work/batches/<id>/cancel          touched to stop them
work/receipts/<sha256>.json       of an output: what it was made of, and its bytes
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.failure import UsageError
from pipeline.jobs import Job
from pipeline.options import RunOptions
from pipeline.receipt import write


class JobRecord(BaseModel):
    """One job, as kept."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int
    clip: Path
    target: Path
    options: RunOptions

    def job(self) -> Job:
        """The job."""
        return Job(self.number, self.clip, self.target, self.options)


class BatchRecord(BaseModel):
    """What a batch is to do. ``options`` are those of the whole batch, such as where it runs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    options: RunOptions
    overwrite: bool
    jobs: tuple[JobRecord, ...]

    @classmethod
    def of(
        cls, source: str, options: RunOptions, jobs: tuple[Job, ...], *, overwrite: bool
    ) -> "BatchRecord":
        """A record of these jobs, with the precision that ``auto`` is here: a retry keeps to it."""
        kept = tuple(
            JobRecord(
                number=j.number,
                clip=j.clip,
                target=j.target,
                options=j.options.model_copy(update={"precision": j.options.chosen_precision}),
            )
            for j in jobs
        )
        return cls(source=source, options=options, overwrite=overwrite, jobs=kept)

    @property
    def id(self) -> str:
        """The same jobs are the same batch: it is gone on with, not done again."""
        jobs = [[str(j.clip), str(j.target), _chosen(j.options)] for j in self.jobs]
        return sha256(json.dumps(jobs, sort_keys=True).encode()).hexdigest()[:12]


def _chosen(options: RunOptions) -> dict[str, object]:
    """Those options that change an output."""
    where = {"device", "on", "threads", "work_dir", "store", "strict", "profile"}
    return options.model_dump(mode="json", exclude=where)


@dataclass(frozen=True)
class Batch:
    """A batch in the work folder ``root``."""

    root: Path
    id: str

    @property
    def folder(self) -> Path:
        """The batch's own folder."""
        return self.root / "batches" / self.id

    @property
    def log(self) -> Path:
        """Its events, one JSON object a line."""
        return self.folder / "events.jsonl"

    @classmethod
    def make(cls, root: Path, record: BatchRecord) -> "Batch":
        """The folder of a batch, new or as it was left."""
        batch = cls(root.absolute(), record.id)
        (batch.folder / "drivers").mkdir(parents=True, exist_ok=True)
        write(batch.folder / "batch.json", record.model_dump_json(indent=1))
        return batch

    @classmethod
    def all(cls, root: Path) -> "list[Batch]":
        """Those in a work folder, the last begun or gone on with last."""
        found = list((root / "batches").glob("*/batch.json"))
        found.sort(key=lambda path: path.stat().st_mtime)
        return [cls(root.absolute(), path.parent.name) for path in found]

    @classmethod
    def find(cls, root: Path, name: str | None) -> "Batch":
        """The batch whose id begins with ``name``; the last one when there is no name.

        Raises:
            UsageError: there is none, or there are several.
        """
        batches = cls.all(root)
        if not batches:
            raise UsageError(f"There is no batch in {root} (see --work-dir).")
        if name is None:
            return batches[-1]
        found = [batch for batch in batches if batch.id.startswith(name)]
        if len(found) != 1:
            known = ", ".join(batch.id for batch in batches[-8:])
            raise UsageError(f"{len(found)} batches begin with {name!r}; the last are: {known}.")
        return found[0]

    def record(self) -> BatchRecord:
        """What it is to do.

        Raises:
            UsageError: the record is damaged, or another version's.
        """
        path = self.folder / "batch.json"
        try:
            return BatchRecord.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise UsageError(f"{path} is not readable as a batch of this version.") from error
