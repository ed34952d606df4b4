"""Stage: figures of an inversion: how near, how like, how steady."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.bench_faces import FaceJudges, face_figures, steadiness
from stages.bench_inversion import InversionRun
from stages.evaluation import Figure, IdentityWeights, NiqeWeights
from stages.inversion_artifacts import AlignedFaces
from stages.network_weights import FaceModelWeights, PerceptualWeights
from stages.networks.facemesh import FaceMesh
from stages.networks.mobilefacenet import Identity
from stages.picture_figures import PictureFigures, PictureJudges, load_judges, no_features


@dataclass(frozen=True)
class InversionFigures(Artifact):
    """Of one inverter on one clip. ``steps``: the most that a window took.

    Features, (k, 320) each, are for Frechet distances, which can only be taken over all that is
    compared: of the source's crops, of what the codes show, and of edits of them, with what those
    edits should have been where that is known.
    """

    frames: int
    windows: int
    steps: int
    seconds: float
    cpu_seconds: float
    figures: tuple[Figure, ...] = field(repr=False)
    source_features: F32 = field(repr=False, default_factory=no_features)
    features: F32 = field(repr=False, default_factory=no_features)
    edit_wanted_features: F32 = field(repr=False, default_factory=no_features)
    edit_features: F32 = field(repr=False, default_factory=no_features)


@dataclass(frozen=True)
class Judges:
    """What was loaded."""

    pictures: PictureJudges
    faces: FaceJudges


class MeasureInversion(Stage):
    """Figures over the whole crops at 256; the warp error and all others over time in windows."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    def load(
        self,
        perceptual: PerceptualWeights,
        face_models: FaceModelWeights,
        context: Context,
        identity: IdentityWeights | None = None,
        niqe: NiqeWeights | None = None,
    ) -> Judges:
        network = Identity(identity.file) if identity else None
        return Judges(
            load_judges(perceptual, niqe, context),
            FaceJudges(FaceMesh(face_models.folder), network),
        )

    def run(
        self, loaded: Judges, made: InversionRun, faces: list[AlignedFaces], context: Context
    ) -> InversionFigures:
        # Copies: what comes from the store is read-only, and torch warns of that.
        windows = [replace(w, crops=np.array(w.crops)) for w in faces[: len(made.steps)]]
        ends = np.cumsum([0, *(len(window.frame) for window in windows)])
        results = [np.array(made.images[a:b]) for a, b in pairwise(ends)]
        both = list(zip(windows, results, strict=True))
        pictures = PictureFigures(loaded.pictures)
        for window, images in both:
            pictures.add(window.frame.tolist(), images, window.crops)
        return InversionFigures(
            frames=int(ends[-1]),
            windows=len(windows),
            steps=max(made.steps),
            seconds=made.seconds,
            cpu_seconds=made.cpu_seconds,
            figures=(
                *pictures.figures(),
                steadiness(both),
                *face_figures(both, loaded.faces),
            ),
            source_features=pictures.wanted_features,
            features=pictures.features,
        )
