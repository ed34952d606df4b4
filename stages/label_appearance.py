"""Stage: what landmarks and colours tell of labelled samples, beside the labels they have."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import torch

from pipeline.artifact import Artifact
from pipeline.failure import UsageError
from pipeline.stage import Context
from stages.appearance import APPEARANCE, UNSEEN, appearance
from stages.artifacts import F32, F64, U8
from stages.detect import DetectFaces, FaceFinder
from stages.direction_file import DEGREES
from stages.label_samples import (
    LABELS,
    LabelledSamples,
    Labellers,
    LabellingStage,
    label,
    render_256,
)

BATCH = 8
ALL_LABELS: tuple[str, ...] = (*LABELS, *APPEARANCE)
_EYES = "distances of the eyes"
UNITS = {
    "age": "years",
    "gender": "logit of being seen as male",
    "yaw": DEGREES,
    "mouth": _EYES,
    "smile": _EYES,
    "lightness": "L*",
    "redness": "a*",
    "yellowness": "b*",
    "glasses": "log of an edge in L*",
    "pitch": "lengths of the nose",
    "eyes": "widths of the eye",
    "brows": _EYES,
    "lips": _EYES,
    "width": "heights of the face",
    "hair": "L*",
    "hair_warmth": "b*",
    "beard": "L*",
    "lipstick": "a*",
    "brow_dark": "L*",
    "fringe": "L*",
    "side_light": "L*",
}
"""What each label is measured in."""


@dataclass(frozen=True)
class AppearanceLabels(Artifact):
    """``labels``: (n, 12) of the same n samples, in the order of ``APPEARANCE``."""

    generator: str
    labels: F32 = field(repr=False)


def label_appearance(finder: FaceFinder, crops: U8) -> F32:
    """(n, 12) labels of aligned crops (n, 256, 256, 3); nan where there is no face."""
    rows = []
    for crop in crops:
        found = DetectFaces().faces_in(finder, crop, [])
        rows.append(appearance(crop, found[0].landmarks) if found else UNSEEN)
    return np.array([row.values() for row in rows], np.float32).reshape(-1, len(APPEARANCE))


def label_all(labellers: Labellers, crops: U8) -> F32:
    """(n, 21) labels of aligned crops (n, 256, 256, 3) in the order of ``ALL_LABELS``."""
    return np.column_stack([label(labellers, crops), label_appearance(labellers.finder, crops)])


@dataclass(frozen=True)
class Table:
    """Samples and all that is known of them. ``w``: (n, style_dim). ``labels``: (n, names)."""

    names: tuple[str, ...]
    w: F64
    labels: F64

    @classmethod
    def of(cls, samples: LabelledSamples, more: AppearanceLabels | None) -> "Table":
        """Those samples of which every label is known."""
        names: tuple[str, ...] = LABELS if more is None else ALL_LABELS
        labels = samples.labels
        if more is not None:
            labels = np.column_stack([labels, more.labels])
        known = np.isfinite(labels).all(axis=1)
        return cls(names, samples.w[known].astype(np.float64), labels[known].astype(np.float64))

    def column(self, name: str) -> F64:
        """(n,) values of one label.

        Raises:
            UsageError: there is no such label.
        """
        if name not in self.names:
            raise UsageError(f"There is no label {name!r}: {', '.join(self.names)}.")
        return self.labels[:, self.names.index(name)]


class LabelAppearance(LabellingStage):
    """Renders the samples once more and looks at landmarks and colours."""

    version: ClassVar[int] = 2

    def run(
        self, loaded: Labellers, samples: LabelledSamples, context: Context
    ) -> AppearanceLabels:
        model, labels = loaded.generator.generator, []
        for first in range(0, len(samples.w), BATCH):
            chunk = torch.tensor(samples.w[first : first + BATCH])
            crops = render_256(loaded.generator, model.broadcast(chunk))
            labels.append(label_appearance(loaded.finder, crops))
            context.progress(BATCH * len(labels), len(samples.w))
        return AppearanceLabels(generator=samples.generator, labels=np.concatenate(labels))
