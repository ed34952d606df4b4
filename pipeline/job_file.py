"""The job file of ``pipeline batch``: what it may hold. Unknown keys are refused."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pipeline.failure import UsageError
from pipeline.options import Time, several
from pipeline.options import edits as separate_edits
from pipeline.precision import Wanted
from pipeline.template import check_template
from pipeline.untrusted import read_untrusted


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


Several = BeforeValidator(several)


def _sets(value: object) -> object:
    """Each entry is one output's edits: ``age=+2``, ``age=+2,smile=+1`` or a list of them."""
    entries = _one_or_more(value)
    if not isinstance(entries, list | tuple):
        return entries
    return [separate_edits(entry) for entry in entries]


Text = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00-\x1f]+$")]
Texts = Annotated[tuple[Text, ...], Field(min_length=1, max_length=32)]
EditSets = Annotated[tuple[Texts, ...], BeforeValidator(_sets), Field(max_length=1000)]
Modes = tuple[Literal["motion", "change"], ...]
Ends = tuple[Literal["hold", "loop"], ...]
Patterns = Annotated[tuple[Text, ...], BeforeValidator(_one_or_more), Field(max_length=100_000)]


class Settings(BaseModel):
    """What can be said for all jobs, and otherwise for an entry. What is left out is inherited."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    edits: EditSets = ()
    """Each entry is one output per clip; several edits of one output are ``age=+2,smile=+1``."""
    output: Annotated[Text, AfterValidator(check_template)] | None = None
    """Template of the output's name; relative to the job file's folder."""
    direction: Annotated[Texts, Several] | None = None
    """Direction files, from the file's folder: as --direction of run."""
    transfer: Annotated[Texts, Several] | None = None
    """References, REF, REF@T0-T1 or a motion file, from the file's folder: as --transfer of run."""
    transfer_mode: Annotated[Modes, Several] | None = None
    """motion or change: for all references, or one for each."""
    transfer_what: Annotated[Texts, Several] | None = None
    """What is taken of them; likewise."""
    transfer_strength: Annotated[tuple[float, ...], Several] | None = None
    """1: as much as in the reference; likewise."""
    transfer_end: Annotated[Ends, Several] | None = None
    """hold or loop; likewise."""
    preset: Literal["draft", "standard"] | None = None
    """draft or standard."""
    precision: Wanted | None = None
    """Of the generator's features. auto: by the driver's processor; fp32 for transfers."""
    face: Text | None = None
    """largest, all, track:N, or like:PHOTO with its path from the file's folder."""
    start: Time | None = None
    """Seconds or a timecode."""
    end: Time | None = None
    """Seconds or a timecode."""
    codec: Text | None = None
    """Video encoder."""
    crf: Annotated[float, Field(ge=0, le=63, strict=True)] | None = None
    """Quality on the encoder's scale."""
    compare: bool | None = None
    """Source and result side by side."""

    def options(self) -> dict[str, Any]:
        """What is said here, by the names that a run's options have."""
        own = {"edits", "output", "clips"}
        return self.model_dump(exclude_none=True, exclude=own)


class Entry(Settings):
    """Clips, and what is to be made of each of them."""

    clips: Patterns = ()
    """Paths or globs (``shots/**/*.mp4``) from the file's folder; or none: the command line's."""


class JobFile(BaseModel):
    """A whole job file."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    defaults: Settings = Settings()
    """Holds for every entry that does not say otherwise."""
    jobs: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=100_000)]
    """The entries."""


def read_job_file(path: Path) -> JobFile:
    """A job file, checked.

    Raises:
        UsageError: it is not valid; the sentence says where in the file.
    """
    found = read_untrusted(path)
    if not isinstance(found, dict):
        raise UsageError(f"{path} holds no keys and values; it needs at least: jobs.")
    try:
        return JobFile.model_validate(found)
    except ValidationError as error:
        raise UsageError(f"{path}: {told(error)}") from error


def told(error: ValidationError) -> str:
    """The first fault of several, as one sentence that says where."""
    first = error.errors()[0]
    where = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in first["loc"]).lstrip(".")
    if first["type"] == "extra_forbidden":
        model = Entry if where.startswith("jobs") else Settings
        known = model.model_fields if "." in where else JobFile.model_fields
        return f"unknown key {where}; there are: {', '.join(known)}."
    message = first["msg"].removeprefix("Value error, ")
    given = repr(first["input"])
    return f"{where} is {given[:200]}: {message[0].lower()}{message[1:].rstrip('.')}."
