"""Stage: what a direction does to every label, to identity and to what surrounds the head."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context
from stages.artifacts import F32, U8
from stages.detect import DetectFaces
from stages.edit_artifacts import Direction
from stages.edit_steps import KnownDirection, offset_of
from stages.evaluation import IdentityWeights
from stages.label_appearance import ALL_LABELS, AppearanceLabels, label_all
from stages.label_samples import LabelledSamples, Labellers, LabellingStage, render_256
from stages.network_weights import (
    AgeGenderWeights,
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
)
from stages.networks.mobilefacenet import Identity, face_chip
from stages.outline import face_outline, head_hull


@dataclass(frozen=True)
class DirectionFigures(Artifact):
    """Of an edit by ``strength`` sigmas.

    ``change``: mean change of each label, in standard deviations of that label over the samples, in
    the order of ``labels``. ``around``: mean change of R, G and B outside the head, in units of 8
    bits. ``likeness``: mean cosine of identity with the unedited face, None without a recognition
    network. ``rows``: those of the direction's that moved; empty for all.
    """

    name: str
    strength: float
    faces: int
    labels: tuple[str, ...]
    change: tuple[float, ...]
    around: float
    likeness: float | None = None
    rows: tuple[int, ...] = ()

    def of(self, label: str) -> float:
        """The change of one label, in its sigmas."""
        return self.change[self.labels.index(label)]


@dataclass(frozen=True)
class Watchers:
    """The labelling networks, and the recognition network where there is one."""

    labellers: Labellers
    identity: Identity | None


class MeasureDirection(LabellingStage):
    """Edits samples that took no part in a fit, and labels them before and after."""

    version: ClassVar[int] = 2

    strength: float = 2.0
    """Of the edit, in sigmas of the direction."""
    faces: int = Field(default=48, gt=1)
    """Samples that are edited."""
    rows: tuple[int, ...] = ()
    """Rows of W+ that move, of those that the direction acts on; none means all of them."""

    def load(  # type: ignore[override]  # one more network
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        age_gender: AgeGenderWeights,
        face_models: FaceModelWeights,
        context: Context,
        identity: IdentityWeights | None = None,
    ) -> Watchers:
        labellers = super().load(generator, heads, age_gender, face_models, context)
        return Watchers(labellers, Identity(identity.file) if identity else None)

    def run(
        self,
        loaded: Watchers,
        samples: LabelledSamples,
        appearance: AppearanceLabels,
        direction: Direction,
        context: Context,
    ) -> DirectionFigures:
        labels = np.column_stack([samples.labels, appearance.labels])
        spread = np.nanstd(labels, axis=0)
        model = loaded.labellers.generator.generator
        chosen = samples.w[: self.faces]
        rows = model.shape.rows
        offset = torch.tensor(offset_of(KnownDirection.read(direction), self.strength, rows))
        if self.rows:
            offset[[row for row in range(rows) if row not in self.rows]] = 0
        changes, around, cosines = [], [], []
        for done, w in enumerate(torch.tensor(chosen)):
            code = model.broadcast(w[None])
            before, after = render_256(loaded.labellers.generator, torch.cat([code, code + offset]))
            changes.append(label_all(loaded.labellers, after[None])[0] - labels[done])
            meshes = [_mesh(loaded.labellers, crop) for crop in (before, after)]
            around.append(_around((before, after), meshes))
            cosines.append(_cosine(loaded.identity, (before, after), meshes))
            context.progress(done + 1, len(chosen))
        return DirectionFigures(
            name=direction.name,
            strength=self.strength,
            faces=len(chosen),
            labels=ALL_LABELS,
            change=tuple(float(c) for c in np.nanmean(changes, axis=0) / spread),
            around=_mean(around),
            likeness=None if loaded.identity is None else _mean(cosines),
            rows=self.rows,
        )


def _mean(values: list[float]) -> float:
    """Of those that are known; nan without any."""
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _mesh(labellers: Labellers, crop: U8) -> F32 | None:
    found = DetectFaces().faces_in(labellers.finder, crop, [])
    return found[0].landmarks if found else None


def _around(crops: tuple[U8, U8], meshes: list[F32 | None]) -> float:
    """Mean absolute change outside both heads; nan where there is none."""
    kept = np.ones(crops[0].shape[:2], bool)
    for mesh in meshes:
        if mesh is None:
            return float("nan")
        hull = np.rint(head_hull(face_outline(mesh))).astype(np.int32)
        kept &= cv2.fillPoly(np.zeros(kept.shape, np.uint8), [hull], 1) == 0
    change = np.abs(crops[0].astype(np.float64) - crops[1])[kept]
    return float(change.mean()) if change.size else float("nan")


def _cosine(identity: Identity | None, crops: tuple[U8, U8], meshes: list[F32 | None]) -> float:
    chips = [
        face_chip(crop, mesh) for crop, mesh in zip(crops, meshes, strict=True) if mesh is not None
    ]
    if identity is None or len(chips) < 2:
        return float("nan")
    a, b = identity(np.stack(chips))
    return float(a @ b)
