"""Pictures for a person to look at, one folder per clip."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stages.contact_sheet import column_slice, compare_slices, contact_sheet, row_slice, write_png
from tests.judges.crops import ffhq_crop
from tests.judges.yunet import Face

COLUMNS = 8


def write(
    folder: Path,
    source: Sequence[np.ndarray],
    results: Mapping[str, Sequence[np.ndarray]],
    chosen: Sequence[Face | None],
    worst: np.ndarray,
) -> None:
    """``over_time.png``, ``worst.png`` (worst first) and x-t slices, per result.

    Args:
        folder: is made.
        source: upright RGB frames.
        results: by edit, as many frames each.
        chosen: the edited face in each frame of the source.
        worst: (n - 1,) how bad the step to frame t + 1 is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    seen = [i for i, face in enumerate(chosen) if face is not None]
    if not seen:
        return
    spread = [seen[round(k)] for k in np.linspace(0, len(seen) - 1, min(COLUMNS, len(seen)))]
    order = [int(t) + 1 for t in np.argsort(-np.nan_to_num(worst))]
    bad = [t for t in order if chosen[t] is not None][:COLUMNS]
    for name, frames in (("over_time", spread), ("worst", bad)):
        rows = [[_crop(clip[i], chosen[i]) for i in frames] for clip in (source, *results.values())]
        names = ["source", *results]
        write_png(folder / f"{name}.png", contact_sheet(rows, names, [str(i) for i in frames], 256))
    whole = [[clip[i] for i in spread[::2]] for clip in (source, *results.values())]
    write_png(folder / "frames.png", contact_sheet(whole, ["source", *results], size=384))
    points = np.stack([chosen[i].points for i in seen])
    eyes, mouth = points[:, :2, 1].mean(), points[:, 3:, 1].mean()
    middle = np.median(points[:, :, 0])
    # YuNet's box ends at the cheeks: its left side is where a seam would be.
    edge = np.median([chosen[i].box[0] for i in seen])
    height, width = source[0].shape[:2]
    lines = {
        "eyes": lambda clip: row_slice(clip, int(np.clip(eyes, 0, height - 1))),
        "mouth": lambda clip: row_slice(clip, int(np.clip(mouth, 0, height - 1))),
        "edge": lambda clip: column_slice(clip, int(np.clip(edge, 0, width - 1))),
        "middle": lambda clip: column_slice(clip, int(np.clip(middle, 0, width - 1))),
    }
    for edit, clip in results.items():
        for name, cut in lines.items():
            both = compare_slices(cut(source), cut(clip), stretch=max(1, 240 // len(source)))
            write_png(folder / f"xt_{name}_{edit}.png", both)


def _crop(picture: np.ndarray, face: Face | None) -> np.ndarray:
    assert face is not None
    return ffhq_crop(picture, face.points)
