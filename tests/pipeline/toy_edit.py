"""Stands in for configs.edit: copies the clip, or fails as the clip's first word says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, field_validator

from pipeline.artifact import Artifact
from pipeline.failure import Failure, InputError, NothingToEdit, VerificationFailed
from pipeline.plan import Plan
from pipeline.stage import Context, Stage
from stages.artifacts import SourceClip


@dataclass(frozen=True)
class Rendered(Artifact):
    file: Path
    passed: int

    def report(self) -> dict[str, object]:
        return {"frames": 10, "passed": self.passed}


@dataclass(frozen=True)
class Text(Artifact):
    text: str


class Read(Stage):
    def run(self, clip: SourceClip, context: Context) -> Text:
        text = clip.path.read_text()
        word = text.split()[0]
        if word == "broken":
            raise InputError(f"{clip.path.name} is truncated.")
        if word == "noface":
            raise NothingToEdit("No face was found in the clip.")
        if word == "bug":
            raise RuntimeError("index out of range")
        if word == "full":
            raise OSError(28, "No space left on device")
        return Text(text)


class Write(Stage):
    edits: tuple[str, ...]
    suffix: str

    def run(self, text: Text, context: Context) -> Rendered:
        word = text.text.split()[0]
        if word == "unlike":
            raise VerificationFailed("A packet differs.")
        if word == "slow":
            for step in range(600):
                context.progress(step, 600)
                time.sleep(0.1)
        if word == "wait":
            while not Path(text.text.split()[1]).exists():
                time.sleep(0.02)
        file = context.scratch / f"result{self.suffix}"
        file.write_text(f"{text.text} {self.edits}")
        return Rendered(file, 3 if word == "lost" else 0)


def edit_help(files: tuple[Path, ...] = ()) -> str:
    return "age  sigma or years  -3 to +3"


class EditClip(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    gates: ClassVar[tuple[str, ...]] = ()
    edits: tuple[str, ...]
    directions: tuple[()] = ()
    transfers: tuple[()] = ()
    face: str
    identity: Path | None
    preset: str
    precision: str
    start: float | None
    end: float | None
    codec: str | None
    crf: float | None
    compare: bool
    clamp: bool
    suffix: str

    @field_validator("edits")
    @classmethod
    def _known(cls, edits: tuple[str, ...]) -> tuple[str, ...]:
        for edit in edits:
            if not edit.startswith("age="):
                raise ValueError(f"{edit.partition('=')[0]!r} is no edit; there is: age.")
        return edits

    first: ClassVar[tuple[str, ...]] = gates

    def told(self, failure: Failure) -> Failure:
        return failure

    outlook: ClassVar[tuple[str, ...]] = ("read",)

    def look(self, results: Mapping[str, Artifact]) -> str:
        read = results["read"]
        assert isinstance(read, Text)
        return f"One face in: {read.text}."

    def plan(self, clip: SourceClip, weights: Callable[[str], tuple[Path, str]]) -> Plan:
        plan = Plan()
        source = plan.given("source", clip)
        read = plan.add("read", Read(), clip=source)
        plan.add("result", Write(edits=self.edits, suffix=self.suffix), text=read)
        return plan
