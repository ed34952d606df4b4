"""Figures of an evaluation, for people and for programs."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any


def as_table(made: Any) -> str:
    """For people: one line a figure."""
    head = ("figure", "where", "value", "source's", "ratio", "best", "n", "spread", "worst (frame)")
    rows = [head]
    notes = []
    for figure in made.figures:
        if figure.value is None:
            rows.append((figure.name, figure.region, "n/a", "", "", "", "", "", ""))
        else:
            worst = "" if figure.worst is None else f"{_short(figure.worst)} ({figure.worst_frame})"
            rows.append(
                (
                    figure.name,
                    figure.region,
                    f"{_short(figure.value)} {figure.unit}".rstrip(),
                    _short(figure.source),
                    _short(figure.ratio),
                    {"higher": "high", "lower": "low", "one": "1"}[figure.better],
                    str(figure.count),
                    _short(figure.spread),
                    worst,
                )
            )
        if figure.note and (line := f"{figure.name}: {figure.note}") not in notes:
            notes.append(line)
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    told = f"{made.frames} frames of {made.width}x{made.height}, {made.faces} faces"
    lost = f", {made.lost} of them not found in the result" if made.lost else ""
    return "\n".join([told + lost + ".", *lines, *notes])


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def as_json(made: Any, source: Path, result: Path) -> str:
    """For programs. JSON has no infinity: the PSNR of equal pictures is the string "inf"."""
    figures = [{k: _plain(v) for k, v in asdict(figure).items()} for figure in made.figures]
    whole = {
        "source": str(source),
        "result": str(result),
        "frames": made.frames,
        "size": [made.width, made.height],
        "faces": made.faces,
        "lost": made.lost,
        "figures": figures,
    }
    return json.dumps(whole, indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
