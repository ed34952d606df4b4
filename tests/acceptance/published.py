"""Our directions beside published ones, before any orthogonalisation.

    python -m tests.acceptance.published [SAMPLES]

Renders and labels the samples unless the work folder has them, which takes 20 minutes.
"""

import os
import sys
from pathlib import Path

import numpy as np

from stages.fit_direction import ridge
from stages.label_appearance import Table

PAIRS = {
    "age": "age",
    "gender": "gender",
    "smile": "smile",
    "yaw": "yaw",
    "pitch": "pitch",
    "mouth": "mouth_open",
    "eyes": "eyes_open",
}
"""Our label and the published file's name."""
FRESH, PENALTY, LEAST = 2000, 0.3, 0.6


def correlations(table: Table, codes: np.ndarray, folder: Path) -> dict[str, float]:
    """Correlation of the codes' projections on ours and on the published direction, by label."""
    found = {}
    for name, file in PAIRS.items():
        ours = ridge(table.w, table.column(name), PENALTY)
        theirs = np.load(folder / f"{file}.npy", allow_pickle=False)[0]
        found[name] = float(np.corrcoef(codes @ ours, codes @ theirs)[0, 1])
    return found


def main() -> None:
    """Print a line a label."""
    from configs.inversion import GENERATOR
    from configs.make_directions import fit_plan
    from pipeline.commands.make import results
    from pipeline.weights import Weights
    from stages.direction_unit import drawn
    from stages.networks.mobile_stylegan import load_mobile_stylegan

    weights = Weights()
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
    plan, _ = fit_plan(weights.given, "smile", count, "a measurement")
    samples, appearance = results(plan, ("samples", "appearance"), "published")
    codes = drawn(load_mobile_stylegan(weights.folder(GENERATOR)), seed=99, count=FRESH)
    shared = Path(os.environ.get("PIPELINE_SHARED", Path(__file__).parents[3] / "shared"))
    folder = shared / "assets" / "directions" / "stylegan2_ffhq_w_stit"
    for name, value in correlations(Table.of(samples, appearance), codes, folder).items():
        sys.stdout.write(f"{name:8} {value:+.2f} {'' if abs(value) >= LEAST else 'below 0.6'}\n")


if __name__ == "__main__":
    main()
