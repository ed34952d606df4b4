"""Stage: figures of an inversion: how near, how like, how steady."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import ClassVar

import numpy as np
import torch

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.bench_inversion import InversionRun
from stages.evaluation import Figure, IdentityWeights
from stages.frame_figures import STILL
from stages.inversion_artifacts import AlignedFaces
from stages.metrics.identity import tg_id, tl_id
from stages.metrics.perceptual import EffnetDistance
from stages.metrics.psnr import psnr, squared_error
from stages.metrics.ssim import ssim_map
from stages.metrics.warp_error import WarpError, motion, warp_error
from stages.network_weights import FaceModelWeights, PerceptualWeights
from stages.networks.facemesh import FaceMesh, quad_of_landmarks
from stages.networks.mobilefacenet import Identity, face_chip
from stages.networks.perceptual import Perceptual
from stages.quad import Axes, quad_of
from stages.series import Series

NO_IDENTITY = "no recognition network was named (--identity FILE: a MobileFaceNet checkpoint)"


@dataclass(frozen=True)
class InversionFigures(Artifact):
    """Of one inverter on one clip. ``steps``: the most that a window took."""

    frames: int
    windows: int
    steps: int
    seconds: float
    cpu_seconds: float
    figures: tuple[Figure, ...] = field(repr=False)


@dataclass(frozen=True)
class Judges:
    """What was loaded. ``identity``: only where there is a checkpoint."""

    distance: EffnetDistance
    mesh: FaceMesh
    identity: Identity | None


class MeasureInversion(Stage):
    """Figures over the whole crops at 256. MSE is of RGB values scaled to [0, 1].

    The warp error is taken inside windows, along the source's flow, as in ``pipeline evaluate``.
    """

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    def load(
        self,
        perceptual: PerceptualWeights,
        face_models: FaceModelWeights,
        context: Context,
        identity: IdentityWeights | None = None,
    ) -> Judges:
        if context.threads:
            torch.set_num_threads(context.threads)
        return Judges(
            EffnetDistance(Perceptual(perceptual.folder)),
            FaceMesh(face_models.folder),
            Identity(identity.file) if identity else None,
        )

    def run(
        self, loaded: Judges, made: InversionRun, faces: list[AlignedFaces], context: Context
    ) -> InversionFigures:
        # Copies: what comes from the store is read-only, and torch warns of that.
        windows = [replace(w, crops=np.array(w.crops)) for w in faces[: len(made.steps)]]
        ends = np.cumsum([0, *(len(window.frame) for window in windows)])
        results = [np.array(made.images[a:b]) for a, b in pairwise(ends)]
        figures = [
            *_fidelity(windows, results, loaded.distance),
            _steadiness(windows, results),
            *_identity(windows, results, loaded),
        ]
        return InversionFigures(
            frames=int(ends[-1]),
            windows=len(windows),
            steps=max(made.steps),
            seconds=made.seconds,
            cpu_seconds=made.cpu_seconds,
            figures=tuple(figures),
        )


def _fidelity(
    windows: list[AlignedFaces], results: list[U8], distance: EffnetDistance
) -> list[Figure]:
    mse, peak, similarity, apart = Series(), Series(), Series(), Series()
    for window, images in zip(windows, results, strict=True):
        for frame, a, b in zip(window.frame.tolist(), window.crops, images, strict=True):
            error, count = squared_error(a, b)
            mse.add(frame, error / count / 255**2)
            peak.add(frame, psnr(a, b))
            similarity.add(frame, float(ssim_map(a, b).mean(dtype=np.float64)))
            apart.add(frame, float(distance(a[None], b[None])[0]))
    return [
        mse.figure("mse", "face", "lower"),
        peak.figure("psnr", "face", "higher", unit="dB"),
        similarity.figure("ssim", "face", "higher"),
        apart.figure(distance.name, "face", "lower"),
    ]


def _steadiness(windows: list[AlignedFaces], results: list[U8]) -> Figure:
    series, own, made = Series(), WarpError(), WarpError()
    for window, images in zip(windows, results, strict=True):
        whole = np.ones(images.shape[1:3], bool)
        for i, frame in enumerate(window.frame[1:].tolist()):
            before, now = window.crops[i], window.crops[i + 1]
            along = motion(before, now)
            source = warp_error(before, now, along, whole)
            result = warp_error(images[i], images[i + 1], along, whole)
            if source.count:
                own, made = own + source, made + result
                ratio = max(result.mean_squared, STILL) / max(source.mean_squared, STILL)
                series.add(frame, ratio)
    if not made.count:
        return Figure("warp_error", "face", None, "lower", note="no two neighbouring frames")
    value, source_value = made.mean_squared, own.mean_squared
    return series.figure(
        "warp_error",
        "face",
        "lower",
        value=value,
        source=source_value,
        ratio=max(value, STILL) / max(source_value, STILL),
    )


def _identity(windows: list[AlignedFaces], results: list[U8], judges: Judges) -> list[Figure]:
    """TL-ID and TG-ID (STIT): steadiness of identity, 1 as the source's."""
    if judges.identity is None:
        return [Figure(name, "face", None, "one", note=NO_IDENTITY) for name in ("tl_id", "tg_id")]
    source = [_embeddings(window.crops, judges) for window in windows]
    result = [_embeddings(images, judges) for images in results]
    local, overall = Series(), Series()
    for window, before, after in zip(windows, source, result, strict=True):
        if len(before) > 1:
            local.add(int(window.frame[0]), tl_id(after, before))
            overall.add(int(window.frame[0]), tg_id(after, before))
    return [series.figure(name, "face", "one") for name, series in
            (("tl_id", local), ("tg_id", overall))]  # fmt: skip


def _embeddings(crops: U8, judges: Judges) -> F32:
    """(n, d) of crops that are aligned already: the mesh is sought where the face has to be."""
    assert judges.identity is not None
    side = crops.shape[1]
    first = quad_of(Axes(np.array([0.5, 0.55]) * side, np.array([0.45 * side, 0.0])))
    chips = []
    for image in crops:
        mesh = judges.mesh(image, first)
        mesh = judges.mesh(image, quad_of_landmarks(mesh.landmarks))
        chips.append(face_chip(image, mesh.landmarks))
    return np.asarray(judges.identity(np.stack(chips)), np.float32)
