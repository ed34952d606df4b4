"""The table of a bench: each inverter on each clip and over all, related to ours."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from stages.artifacts import F32
from stages.bench_figures import InversionFigures
from stages.evaluation import Figure
from stages.metrics.frechet import Moments, frechet
from stages.networks.pooled_features import NAME as FRECHET

ALL = "all"
SYNTHESISED = "synthesised"
CURVED = "curved"
SETS = (SYNTHESISED, CURVED)
"""Not clips: no part of what is pooled over all of them."""
OURS = "joint"


@dataclass(frozen=True)
class Row:
    """An inverter on a clip."""

    clip: str
    inverter: str


@dataclass(frozen=True)
class Subject:
    """A row, and the node that holds its figures, or why there is none."""

    row: Row
    node: str = ""
    note: str = ""


@dataclass(frozen=True)
class Cell:
    """A figure. ``spread``: standard deviation over the ``count`` frames or pairs.

    ``ratio``: the value over ours.
    """

    name: str
    value: float | None
    spread: float | None = None
    count: int = 0
    ratio: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Line:
    """A row with its cells. ``note``: why it has none."""

    row: Row
    clips: int = 0
    frames: int = 0
    windows: int = 0
    steps: int = 0
    cells: tuple[Cell, ...] = ()
    note: str = ""

    def cell(self, name: str) -> Cell:
        """Raises KeyError when there is none of that name."""
        for cell in self.cells:
            if cell.name == name:
                return cell
        raise KeyError(name)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        found = asdict(self)
        return {**found.pop("row"), **found}


def table(results: Mapping[Row, InversionFigures | str]) -> list[Line]:
    """A line for each row in order, and, of several clips, lines over all of them.

    Over all: means over all frames (seconds: sums), of the clips where every inverter that has
    figures anywhere has them, so that the same is compared with the same.
    """
    lines = [_line(row, [found]) if not isinstance(found, str) else Line(row, note=found)
             for row, found in results.items()]  # fmt: skip
    clips = list(dict.fromkeys(row.clip for row in results if row.clip not in SETS))
    inverters = list(dict.fromkeys(row.inverter for row in results))
    if len(clips) > 1:
        able = [i for i in inverters if not all(isinstance(results[Row(c, i)], str) for c in clips)]
        whole = [c for c in clips if all(not isinstance(results[Row(c, i)], str) for i in able)]
        for inverter in inverters:
            row = Row(ALL, inverter)
            found = [results[Row(clip, inverter)] for clip in (whole or clips)]
            known = [each for each in found if not isinstance(each, str)]
            if known and len(known) == len(found):
                lines.append(_line(row, known))
            else:
                lines.append(Line(row, note=next(f for f in found if isinstance(f, str))))
    return _related(lines)


def _line(row: Row, found: Sequence[InversionFigures]) -> Line:
    names = [figure.name for figure in found[0].figures]
    cells = [_pooled([_named(each, name) for each in found]) for name in names]
    cells += _distances(found)
    frames = sum(each.frames for each in found)
    cells.append(Cell("seconds", sum(each.seconds for each in found), count=frames))
    cells.append(Cell("cpu_seconds", sum(each.cpu_seconds for each in found), count=frames))
    return Line(
        row,
        clips=len(found),
        frames=frames,
        windows=sum(each.windows for each in found),
        steps=max(each.steps for each in found),
        cells=tuple(cells),
    )


def _distances(found: Sequence[InversionFigures]) -> list[Cell]:
    """Frechet distances, which pool pictures and not distances.

    Edits are set beside what they should have been, or, of clips, beside the clips as they are.
    """
    own, made = _joined(found, "source_features"), _joined(found, "features")
    cells = [frechet_cell(FRECHET, own, made)]
    if any(len(each.edit_features) for each in found):
        wanted, edited = _joined(found, "edit_wanted_features"), _joined(found, "edit_features")
        cells.append(frechet_cell(f"edit_{FRECHET}", wanted if len(wanted) else own, edited))
    return cells


def frechet_cell(name: str, wanted: F32, made: F32) -> Cell:
    """Between the features, (n, d) each, of what should be and of what is."""
    if min(len(wanted), len(made)) < 2:
        return Cell(name, None, note="needs two pictures or more")
    sides = Moments(wanted.shape[1]), Moments(made.shape[1])
    for moments, features in zip(sides, (wanted, made), strict=True):
        moments.add(features)
    found = frechet(*sides)
    note = "" if found.full_rank else f"{found.samples} samples for {found.dims} features"
    return Cell(name, found.value, count=found.samples, note=note)


def _joined(found: Sequence[InversionFigures], name: str) -> F32:
    return np.concatenate([getattr(each, name) for each in found])


def _named(found: InversionFigures, name: str) -> Figure:
    return next(figure for figure in found.figures if figure.name == name)


def _pooled(figures: Sequence[Figure]) -> Cell:
    """Over all frames of several clips. A figure relative to the source's own stays that."""
    name = figures[0].name
    known = [figure for figure in figures if figure.value is not None]
    if not known:
        return Cell(name, None, note=figures[0].note)
    counts = np.array([figure.count for figure in known], float)
    values = np.array([f.value if f.ratio is None else f.ratio for f in known], float)
    spreads = np.array([figure.spread or 0.0 for figure in known])
    value = float(np.average(values, weights=counts))
    within = np.average(spreads**2, weights=counts)
    between = np.average((values - value) ** 2, weights=counts)
    alone = len(known) == 1 and known[0].spread is None
    spread = None if alone else float(np.sqrt(within + between))
    return Cell(name, value, spread, int(counts.sum()))


def _related(lines: Sequence[Line]) -> list[Line]:
    """With ratios to ours, or to the first inverter where ours is not there."""
    related = []
    for line in lines:
        rivals = [each for each in lines if each.row.clip == line.row.clip and each.cells]
        base = next((each for each in rivals if each.row.inverter == OURS), None)
        base = base or (rivals[0] if rivals else None)
        cells = tuple(_over(cell, base.cell(cell.name)) for cell in line.cells) if base else ()
        related.append(Line(**{**line.__dict__, "cells": cells}))
    return related


def _over(cell: Cell, base: Cell) -> Cell:
    ratio = cell.value / base.value if cell.value is not None and base.value else None
    return Cell(cell.name, cell.value, cell.spread, cell.count, ratio, cell.note)
