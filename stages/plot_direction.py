"""Stage: where faces lie on a direction, as a picture (CRG, figures 7, 17 and 18).

Above, the projections of faces with little and with much of the label: two modes, when the
direction means anything; behind them those of ten thousand unlabelled codes, whose mu and sigma
the file records, and mu +- 3 sigma, between which an edit is safe. Below, three faces moved to
points of that range.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch

from pipeline.artifact import Artifact
from pipeline.stage import Context
from stages.artifacts import F32, F64, U8
from stages.contact_sheet import contact_sheet, write_png
from stages.direction_file import DirectionHeader, read_direction
from stages.direction_unit import drawn
from stages.edit_artifacts import Direction
from stages.label_appearance import ALL_LABELS, AppearanceLabels
from stages.label_samples import LabelledSamples, Labellers, LabellingStage, render_256
from stages.safe_range import REACH

CELL = 160
STOPS = (-3.0, -2.0, 0.0, 2.0, 3.0)
"""Points of the range that are shown, in sigmas from mu (figure 18)."""
HEIGHT = 300
_SPAN = 4.5  # sigmas to either side
_BINS, _FEW_BINS = 45, 18
_GREY, _LITTLE, _MUCH = (150, 150, 150), (60, 150, 60), (50, 80, 200)


@dataclass(frozen=True)
class Plot(Artifact):
    """A PNG. ``modes``: (2, 2) mean and spread of both modes in sigmas from mu; nan without."""

    file: Path
    modes: F32


class PlotDirection(LabellingStage):
    """Projects labelled samples and draws them."""

    version: ClassVar[int] = 2

    faces: int = 3
    """That are shown edited."""

    def run(
        self,
        loaded: Labellers,
        samples: LabelledSamples,
        appearance: AppearanceLabels,
        direction: Direction,
        context: Context,
    ) -> Plot:
        header, vector = read_direction(direction.file)
        model = loaded.generator.generator
        everyone = place(drawn(model, self.seed + 2), header, vector)
        seen = place(samples.w.astype(np.float64), header, vector)
        little, much = two_modes(seen, header.name, samples, appearance)
        picture = histogram(header, everyone, little, much)
        sheet = self._faces(loaded, samples.w[: self.faces], header, vector)
        file = context.scratch / "plot.png"
        write_png(file, _stacked(picture, sheet))
        modes = [(m.mean(), m.std()) if len(m) else (np.nan, np.nan) for m in (little, much)]
        return Plot(file=file, modes=np.array(modes, np.float32))

    def _faces(self, loaded: Labellers, w: F32, header: DirectionHeader, vector: F32) -> U8:
        rows = []
        for code, at in zip(w, place(w.astype(np.float64), header, vector), strict=True):
            moved = loaded.generator.generator.broadcast(torch.tensor(code)[None])
            moved = moved.repeat(len(STOPS), 1, 1)
            for i, stop in enumerate(STOPS):
                way = torch.tensor((stop - at) * header.sigma * vector, dtype=torch.float32)
                moved[i, list(header.rows)] += way
            rows.append(list(render_256(loaded.generator, moved)))
        names = [f"mu{stop:+g} sigma" if stop else "mu" for stop in STOPS]
        return contact_sheet(rows, ["" for _ in rows], names, CELL)


def place(w: F64, header: DirectionHeader, vector: F32) -> F64:
    """(n,) where codes (n, style_dim) lie on the direction, in sigmas from mu."""
    return np.asarray((w @ vector.astype(np.float64) - header.mean) / header.sigma, np.float64)


def two_modes(
    at: F64, name: str, samples: LabelledSamples, appearance: AppearanceLabels
) -> tuple[F64, F64]:
    """Places of the third with least and of the third with most of a label; empty without one."""
    if name not in ALL_LABELS:
        return at[:0], at[:0]
    labels = np.column_stack([samples.labels, appearance.labels])[:, ALL_LABELS.index(name)]
    known = np.isfinite(labels)
    low, high = np.quantile(labels[known], (1 / 3, 2 / 3))
    return at[known & (labels <= low)], at[known & (labels >= high)]


def histogram(header: DirectionHeader, everyone: F64, little: F64, much: F64) -> U8:
    """(h, w, 3) densities on one axis of sigmas."""
    width = len(STOPS) * CELL
    picture = np.full((HEIGHT, width, 3), 255, np.uint8)
    floor = HEIGHT - 24

    def across(sigmas: float) -> int:
        return round((sigmas + _SPAN) / (2 * _SPAN) * (width - 1))

    shown = ((everyone, _GREY), (little, _LITTLE), (much, _MUCH))
    found = [density(places) for places, _ in shown]
    top = max(float(heights.max()) for _, heights in found)
    for (middles, heights), (places, colour) in zip(found, shown, strict=True):
        ys = floor - heights / top * (floor - 40)
        line = np.array([(across(x), round(y)) for x, y in zip(middles, ys, strict=True)], np.int32)
        if len(places):
            cv2.polylines(picture, [line], False, colour, 2, cv2.LINE_AA)
    for sigmas in (-REACH, 0.0, REACH):
        cv2.line(picture, (across(sigmas), 24), (across(sigmas), floor), (0, 0, 0), 1)
        told = f"{sigmas:+g} sigma" if sigmas else "mu"
        _write(picture, told, (across(sigmas) + 4, floor + 16), (0, 0, 0))
    _write(picture, f"{header.name}: sigma {header.sigma:.2f} in W", (6, 16), (0, 0, 0))
    for i, (part, colour, word) in enumerate(
        ((everyone, _GREY, "all"), (little, _LITTLE, "least third"), (much, _MUCH, "most third"))
    ):
        if len(part):
            told = f"{word} ({len(part)}): {part.mean():+.2f} +- {part.std():.2f}"
            _write(picture, told, (6, 34 + 16 * i), colour)
    return picture


def density(places: F64) -> tuple[F64, F64]:
    """Middles and heights of a histogram, coarser for few faces; flat without any."""
    bins = _BINS if len(places) > 1000 else _FEW_BINS
    edges = np.linspace(-_SPAN, _SPAN, bins + 1)
    counts, _ = np.histogram(places, edges)
    heights = counts / max(len(places), 1) / (edges[1] - edges[0])
    return np.asarray((edges[1:] + edges[:-1]) / 2), np.asarray(heights)


def _write(picture: U8, text: str, at: tuple[int, int], colour: tuple[int, ...]) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.42, colour, 1, cv2.LINE_AA)


def _stacked(above: U8, below: U8) -> U8:
    return np.concatenate([above, below])
