"""Figures of the faces in aligned crops over time: steadiness, identity, landmarks.

Everything is taken inside windows, beside the source's own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stages.artifacts import F32, F64, U8
from stages.evaluation import Figure
from stages.frame_figures import STILL
from stages.inversion_artifacts import AlignedFaces
from stages.metrics.identity import cosine, tg_id, tl_id
from stages.metrics.jitter import Jitter
from stages.metrics.warp_error import WarpError, motion, warp_error
from stages.networks.facemesh import FaceMesh, Mesh, quad_of_landmarks
from stages.networks.mobilefacenet import NAME as IDENTITY
from stages.networks.mobilefacenet import Identity, face_chip
from stages.quad import Axes, quad_of
from stages.series import Series

NO_IDENTITY = "no recognition network was named (--identity FILE: a MobileFaceNet checkpoint)"
_SEEN = 0.8
"""Confidence of the mesh from which a face counts as found, as in ``DetectFaces``."""


@dataclass(frozen=True)
class FaceJudges:
    """What looks at faces. ``identity``: only where there is a checkpoint."""

    mesh: FaceMesh
    identity: Identity | None


Windows = Sequence[tuple[AlignedFaces, U8]]
"""The source's crops of each window, and what was made of them, (n, s, s, 3)."""


def steadiness(windows: Windows) -> Figure:
    """Warp error along the source's flow, as in ``pipeline evaluate``."""
    series, own, made = Series(), WarpError(), WarpError()
    for window, images in windows:
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


def face_figures(windows: Windows, judges: FaceJudges) -> list[Figure]:
    """Identity of each frame, its steadiness (TL-ID and TG-ID, STIT), and landmark jitter.

    The jitter is in crop widths per squared frame: windows know no seconds.
    """
    seen = [(w, _meshes(w.crops, judges.mesh), images, _meshes(images, judges.mesh))
            for w, images in windows]  # fmt: skip
    jitters = [(_jitter(w.crops, before), _jitter(images, after))
               for w, before, images, after in seen]  # fmt: skip
    own, value = (Jitter.pooled(both[i] for both in jitters) for i in (0, 1))
    found = _identity(seen, judges.identity)
    if own is None or value is None:
        why = "needs three neighbouring frames in which the face is found"
        return [*found, Figure("landmark_jitter", "face", None, "lower", note=why)]
    return [
        *found,
        Figure(
            "landmark_jitter",
            "face",
            value,
            "lower",
            "widths/frame2",
            own,
            value / own if own > 0 else None,
            sum(after.count for _, after in jitters),
        ),
    ]


_Seen = tuple[AlignedFaces, list[Mesh], U8, list[Mesh]]


def _identity(seen: Sequence[_Seen], network: Identity | None) -> list[Figure]:
    names = (f"identity_{IDENTITY}", "tl_id", "tg_id")
    if network is None:
        return [Figure(name, "face", None, "higher", note=NO_IDENTITY) for name in names]
    alike, local, overall = Series(), Series(), Series()
    for window, before, images, after in seen:
        own, made = _embedded(window.crops, before, network), _embedded(images, after, network)
        for frame, value in zip(window.frame.tolist(), cosine(own, made), strict=True):
            alike.add(frame, float(value))
        if len(own) > 1:
            local.add(int(window.frame[0]), tl_id(made, own))
            overall.add(int(window.frame[0]), tg_id(made, own))
    return [
        alike.figure(names[0], "face", "higher"),
        local.figure(names[1], "face", "one"),
        overall.figure(names[2], "face", "one"),
    ]


def _embedded(crops: U8, meshes: Sequence[Mesh], network: Identity) -> F32:
    chips = [face_chip(c, mesh.landmarks) for c, mesh in zip(crops, meshes, strict=True)]
    return np.asarray(network(np.stack(chips)), np.float32)


def _meshes(crops: U8, find: FaceMesh) -> list[Mesh]:
    """Crops are aligned already: the mesh is sought where the face has to be."""
    side = crops.shape[1]
    first = quad_of(Axes(np.array([0.5, 0.55]) * side, np.array([0.45 * side, 0.0])))
    roughly = [find(image, first) for image in crops]
    return [
        find(image, quad_of_landmarks(mesh.landmarks))
        for image, mesh in zip(crops, roughly, strict=True)
    ]


def _jitter(crops: U8, meshes: Sequence[Mesh]) -> Jitter:
    jitter = Jitter()
    for at, mesh in enumerate(meshes):
        if mesh.confidence < _SEEN:
            jitter.interrupt()
            continue
        points: F64 = mesh.landmarks.astype(np.float64) / crops.shape[1]
        jitter.add(float(at), points)
    return jitter
