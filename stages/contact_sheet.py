"""Pictures to look at: contact sheets over time, and x-t slices that show pulse and swimming.

An x-t slice takes one row (or column) of every frame and stacks them: a steady thing becomes a
straight line, a flicker a dashed one, a seam an edge that does not move with the face.
"""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


def row_slice(frames: Sequence[U8], y: int) -> U8:
    """(n, w, 3): row ``y`` of each (h, w, 3) frame; time runs downwards."""
    return np.stack([frame[y] for frame in frames])


def column_slice(frames: Sequence[U8], x: int) -> U8:
    """(n, h, 3): column ``x`` of each frame, turned, so that time runs downwards as well."""
    return np.stack([frame[:, x] for frame in frames])


def compare_slices(source: U8, edited: U8, stretch: int = 4) -> U8:
    """Source slice above the edited one, each frame ``stretch`` pixels tall."""
    line = np.full((4, source.shape[1], 3), 255, dtype=np.uint8)
    parts = [np.repeat(source, stretch, axis=0), line, np.repeat(edited, stretch, axis=0)]
    return np.concatenate(parts)


def contact_sheet(
    rows: Sequence[Sequence[U8]],
    row_names: Sequence[str],
    column_names: Sequence[str] = (),
    size: int = 192,
) -> U8:
    """One grid: a row per kind (source, inversion, edit), a column per frame.

    Args:
        rows: pictures (h, w, 3) of any sizes; rows may differ in length.
        row_names: one short ASCII name per row, written into its first picture.
        column_names: written under the columns, such as frame numbers.
        size: side of each square cell; pictures are shrunk into it, keeping their shape.

    Returns:
        (height, width, 3) uint8.

    Raises:
        ValueError: there is no picture, or names and rows differ in number.
    """
    columns = max((len(row) for row in rows), default=0)
    if columns == 0 or len(rows) != len(row_names):
        raise ValueError(f"{len(rows)} rows of at most {columns} pictures, {len(row_names)} names")
    footer = 18 if column_names else 0
    sheet = np.full((len(rows) * size + footer, columns * size, 3), 32, dtype=np.uint8)
    for r, (row, name) in enumerate(zip(rows, row_names, strict=True)):
        for c, picture in enumerate(row):
            small = fit(picture, size)
            top, left = r * size, c * size
            sheet[top : top + small.shape[0], left : left + small.shape[1]] = small
        write_text(sheet, name, (4, r * size + 14))
    for c, text in enumerate(column_names[:columns]):
        write_text(sheet, text, (c * size + 4, len(rows) * size + 13))
    return sheet


def write_png(path: Path, picture: U8) -> None:
    """Write an (h, w, 3) RGB picture."""
    ok, data = cv2.imencode(".png", np.ascontiguousarray(picture[..., ::-1]))
    if not ok:
        raise ValueError(f"a picture of shape {picture.shape} cannot be written as PNG")
    path.write_bytes(data.tobytes())


def fit(picture: U8, size: int) -> U8:
    """The picture with its longer side ``size`` pixels long, its shape kept."""
    scale = size / max(picture.shape[:2])
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    width = max(1, round(picture.shape[1] * scale))
    height = max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=kind), dtype=np.uint8)


def write_text(sheet: U8, text: str, at: tuple[int, int]) -> None:
    """White on black, in place; ``at`` is the left end of the line it stands on."""
    for colour, thickness in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(sheet, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, thickness, cv2.LINE_AA)
