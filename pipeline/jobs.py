"""From a job file or a list of clips to jobs: which clip, which edits, which output.

Everything that can be refused without reading a clip is refused here. A job file may be somebody
else's: it reads and writes below its own folder only, and below folders that the user names.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from pydantic import ValidationError

from pipeline.face_list import photographs_of, with_photographs
from pipeline.failure import OutputRefused, UsageError
from pipeline.job_file import Entry, JobFile, Settings, told
from pipeline.options import RunOptions
from pipeline.patterns import files, fixed
from pipeline.reference import Reference
from pipeline.template import DEFAULT, fill

MOST = 100_000
"""Jobs of one batch."""


@dataclass(frozen=True)
class Job:
    """One clip, and one output to make of it. ``number`` counts from 1."""

    number: int
    clip: Path
    target: Path
    options: RunOptions

    @property
    def inputs(self) -> tuple[Path, ...]:
        """The clip, the references whose motion its face is given, and photographs of whose."""
        references = (Reference.parse(text).path for text in self.options.transfer)
        photographs = map(Path, photographs_of(self.options.face))
        return (self.clip, *map(_whole, references), *map(_whole, photographs))

    @property
    def prefix(self) -> str:
        """Before the names of this job's nodes in the plan of the batch."""
        return f"{self.number:04d}."


def expand(
    file: JobFile,
    base: Path,
    options: RunOptions,
    clips: Sequence[Path] = (),
    roots: Sequence[Path] | None = None,
) -> tuple[Job, ...]:
    """All jobs, in the file's order.

    Args:
        file: the entries.
        base: the folder that relative paths of the file start from.
        options: for what neither entry nor defaults say.
        clips: from the command line, for entries that name none.
        roots: folders below which the file's clips and outputs have to lie, beside ``base``; None
            when the entries are the user's own.

    Raises:
        UsageError: no edit, no clip, a pattern that matches nothing, a clip outside the roots, a
            value that is not permitted, or too many jobs.
        OutputRefused: an output outside the roots, two outputs of one name, or an output that is
            an input.
    """
    if clips and all(entry.clips for entry in file.jobs):
        raise UsageError(
            f"Every entry of the job file names its own clips; none is for {clips[0]}."
        )
    inside = None if roots is None else tuple(map(_resolved, (base, *roots)))
    found = _jobs(file, base, options, tuple(clips), inside)
    jobs = tuple(islice(found, MOST + 1))
    if len(jobs) > MOST:
        raise UsageError(f"The batch has more than {MOST} jobs; split it.")
    if not jobs:
        raise UsageError("The batch has no jobs.")
    _apart(jobs)
    return jobs


def _jobs(
    file: JobFile,
    base: Path,
    options: RunOptions,
    clips: tuple[Path, ...],
    inside: tuple[Path, ...] | None,
) -> Iterator[Job]:
    number = 0
    for place, entry in enumerate(file.jobs):
        where = f"jobs[{place}]"
        chosen = _merged(where, options, file.defaults, entry)
        said = file.defaults.transfer if entry.transfer is None else entry.transfer
        if said:
            own = [str(_reference(where, text, base, inside)) for text in said]
            chosen = chosen.model_copy(update={"transfer": tuple(own)})
        if files := file.defaults.direction if entry.direction is None else entry.direction:
            whole = [_direction(where, text, base, inside) for text in files]
            chosen = chosen.model_copy(update={"direction": tuple(whole)})
        if face := entry.face or file.defaults.face:
            face = with_photographs(face, partial(_photograph, where, base, inside))
            chosen = chosen.model_copy(update={"face": face})
        like = [f"like-{Reference.parse(text).path.stem}" for text in chosen.transfer]
        edits = entry.edits or file.defaults.edits
        if not edits and not chosen.transfer:
            raise UsageError(f"{where} has no edits, such as age=+2; nor have the defaults.")
        template = entry.output or file.defaults.output or DEFAULT
        for clip in _clips(where, entry, base, clips, inside):
            for chosen_edits in edits or ((),):
                number += 1
                each = chosen.model_copy(update={"edit": chosen_edits})
                target = fill(template, clip, (*chosen_edits, *like), each.preset, number)
                target = _whole(base / target)
                if inside is not None and not _below(target.parent, inside):
                    raise OutputRefused(
                        f"{where} would write {target}, outside the job file's folder; "
                        "permit a folder with --root."
                    )
                yield Job(number, clip, target, each)


def _reference(where: str, text: str, base: Path, inside: tuple[Path, ...] | None) -> Reference:
    """A reference of the file, from the file's folder.

    Raises:
        UsageError: its range is empty, or it lies outside the roots.
    """
    found = Reference.parse(str(base / text))
    _confine(f"{where}: the reference {text!r}", found.path, inside)
    return found


def _direction(where: str, text: str, base: Path, inside: tuple[Path, ...] | None) -> Path:
    """A direction file of the file, from the file's folder. Raises UsageError: it lies outside."""
    _confine(f"{where}: the direction {text!r}", base / text, inside)
    return _whole(base / text)


def _photograph(where: str, base: Path, inside: tuple[Path, ...] | None, text: str) -> str:
    """A photograph of the file, from the file's folder. Raises UsageError: it lies outside."""
    _confine(f"{where}: the photograph {text!r}", base / text, inside)
    return str(base / text)


def _confine(what: str, path: Path, inside: tuple[Path, ...] | None) -> None:
    if inside is not None and not _below(path, inside):
        raise UsageError(
            f"{what} leads to {path}, outside the job file's folder; permit a folder with --root."
        )


def _merged(where: str, options: RunOptions, defaults: Settings, entry: Entry) -> RunOptions:
    values = options.model_dump() | defaults.options() | entry.options()
    try:
        merged = RunOptions.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"{where}: {told(error)}") from error
    if merged.start is not None and merged.end is not None and merged.end <= merged.start:
        raise UsageError(f"{where}: end {merged.end} s is not after start {merged.start} s.")
    return merged


def _clips(
    where: str,
    entry: Entry,
    base: Path,
    clips: tuple[Path, ...],
    inside: tuple[Path, ...] | None,
) -> list[Path]:
    if not entry.clips:
        if not clips:
            raise UsageError(f"{where} names no clips, and the command line has none.")
        return [_whole(clip.absolute()) for clip in clips]
    found: dict[Path, None] = {}
    for pattern in entry.clips:
        start, rest = fixed(base, pattern)
        _confine(f"{where}: {pattern!r}", start, inside)
        matches = sorted(islice(files(start, rest), MOST + 1)) if rest else [start]
        if not matches:
            raise UsageError(f"{where}: {pattern!r} matches no file in {base}.")
        for path in map(_whole, matches):
            _confine(f"{where}: {pattern!r}", path, inside)
            found[path] = None
    return list(found)


def _whole(path: Path) -> Path:
    """Absolute and without ``..``. The last part stays what it is, be it a link."""
    return _resolved(path) if path.name in ("", "..") else _resolved(path.parent) / path.name


def _below(path: Path, roots: tuple[Path, ...]) -> bool:
    whole = _resolved(path)
    return any(whole.is_relative_to(root) for root in roots)


def _resolved(path: Path) -> Path:
    """Raises UsageError: links in a circle, names without end, or with a zero byte."""
    try:
        return path.resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"{str(path)!r} leads nowhere ({error}).") from error


def _apart(jobs: Sequence[Job]) -> None:
    """Refuse outputs that are one file, or an input of the batch, by name or by inode."""
    given = {path for job in jobs for path in job.inputs}
    inodes = {inode: path for path in given if (inode := _inode(path))}
    taken: dict[Path, Job] = {}
    for job in jobs:
        if (other := taken.setdefault(job.target, job)) is not job:
            raise OutputRefused(
                f"Jobs {other.number} ({other.clip.name}) and {job.number} ({job.clip.name}) "
                f"would both be written to {job.target}; the template has to tell them apart."
            )
        source = job.target if job.target in given else None
        if source is None and (inode := _inode(job.target)):
            source = inodes.get(inode)
        if source is not None:
            raise OutputRefused(f"Job {job.number} would overwrite the input {source}.")


def _inode(path: Path) -> tuple[int, int] | None:
    """None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
