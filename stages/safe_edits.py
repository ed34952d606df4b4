"""Stage: edits beside what their very faces can bear; told, or kept inside."""

from dataclasses import replace
from typing import ClassVar

import numpy as np

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Alignment
from stages.direction_file import read_direction
from stages.edit_artifacts import Direction, Edits
from stages.inversion_artifacts import Latents
from stages.safe_range import REACH, SafeRange, safe_range


class SafeEdits(Stage):
    """Compares every strength with the safe range of its face (CRG, "the ranges of k").

    The range is one for a whole track, so that a clamped edit does not flicker.
    """

    resources: ClassVar[Resources] = Resources(cpus=1)

    clamp: bool = False
    """Keep strengths inside; else it is only told where they are not."""

    def run(
        self,
        edits: Edits,
        latents: list[Latents],
        alignment: Alignment,
        directions: list[Direction],
        context: Context,
    ) -> Edits:
        strengths = edits.strengths.copy()
        told = []
        for direction in directions:
            header, vector = read_direction(direction.file)
            columns = [j for j, name in enumerate(edits.names) if name == direction.name]
            for track in np.unique(alignment.track).tolist():
                codes = [each.w_plus for each in latents if each.track == track]
                here = alignment.track == track
                asked = strengths[np.ix_(here, columns)]
                if not codes or not asked.any():
                    continue
                safe = safe_range(header, vector, np.concatenate(codes))
                if line := beyond(direction.name, track, asked.min(), asked.max(), safe):
                    told.append(line + (" It was kept inside." if self.clamp else ""))
                if self.clamp:
                    strengths[np.ix_(here, columns)] = asked.clip(safe.low, safe.high)
        return replace(edits, strengths=strengths, beyond=tuple(told))


def beyond(name: str, track: int, low: float, high: float, safe: SafeRange) -> str:
    """A sentence where strengths from ``low`` to ``high`` leave the range, else nothing."""
    wrong = dict.fromkeys(float(k) for k in (low, high) if not safe.holds(float(k)))
    if not wrong:
        return ""
    asked = " and ".join(f"{k:+.1f}" for k in wrong)
    return (
        f"{name}={asked} of track {track} leaves the safe range of this face, {safe.low:+.1f} to "
        f"{safe.high:+.1f} (within {REACH:g} sigma of the generator's faces)."
    )
