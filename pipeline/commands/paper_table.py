"""The tables of paper 003 with ours beside the paper's, for people and for programs."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configs.paper_003 import Compared, Comparison

FACTORS = {"mse": 1e3, "edit_mse": 1e3, "morph_mse": 1e3}
LEGEND = (
    "Ours: the mean, (its standard deviation over n pictures), x over the first row. Paper's: as "
    "printed, x over its first row. Only the ratios compare: generator, faces and the networks "
    "behind each metric differ (ours: {metrics}), and a Frechet distance of so few pictures "
    "compares with others of as many alone."
)


def as_text(
    tables: "Sequence[Compared]",
    metrics: Mapping[str, str],
    sets: Mapping[Any, str],
    directions: Sequence[str],
) -> str:
    """For people.

    Args:
        tables: parts of tables, compared.
        metrics: the paper's columns, and what ours are called.
        sets: what the paper measured on, by the name of a set.
        directions: along which faces were synthesised and edited.
    """
    told: list[str] = []
    for each in tables:
        part = each.part
        told.append(
            f"Table {each.table}, {part.title}. Ours: {part.where}. Paper's: {sets[part.where]}."
        )
        head = ["method", "n"]
        for metric in part.metrics:
            head += [f"{metric}: ours", "paper's"]
        rows = [head, *(_row(line, each.lines[0], len(part.metrics)) for line in each.lines)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
        told += [
            "  ".join(
                text.rjust(width) if i else text.ljust(width)
                for i, (text, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        notes = [f"{line.method}: {line.note}" for line in each.lines if line.note]
        empty = [f"{c.name}: {c.note}" for line in each.lines for c in line.ours if c.value is None]
        told += [*dict.fromkeys((*notes, *empty)), ""]
    names = ", ".join(f"{ours} for {theirs}" for theirs, ours in metrics.items())
    along = f"Faces are synthesised and edited along: {', '.join(directions)}."
    return "\n".join([*told, LEGEND.format(metrics=names), along])


def _row(line: "Comparison", first: "Comparison", columns: int) -> list[str]:
    cells = [line.method, str(line.count) if line.ours else "n/a"]
    for i in range(columns):
        cells.append(_ours(line, first, i))
        cells.append(f"{line.papers[i]:g} x{line.papers[i] / first.papers[i]:.2f}")
    return cells


def _ours(line: "Comparison", first: "Comparison", i: int) -> str:
    if not line.ours or line.ours[i].value is None:
        return "n/a"
    cell = line.ours[i]
    assert cell.value is not None
    factor = FACTORS.get(cell.name, 1)
    text = f"{cell.value * factor:.4g}"
    if cell.spread is not None:
        text += f" ({cell.spread * factor:.2g})"
    base = first.ours[i].value if first.ours else None
    return f"{text} x{cell.value / base:.2f}" if base else text


def as_json(tables: "Sequence[Compared]", settings: dict[str, Any]) -> str:
    """For programs: MSE is of values in [0, 1], unscaled. What is no number is a string."""
    whole = {"settings": settings, "tables": [_plain(asdict(each)) for each in tables]}
    return json.dumps(whole, indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
