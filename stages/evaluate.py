"""Stage: a result beside its source, in figures. Both clips are decoded once, frame by frame."""

from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import Field

from pipeline.failure import InputError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import Alignment, Bool, Shots, SourceClip, Tracks, Video
from stages.evaluation import Evaluation, IdentityWeights, LpipsWeights, NiqeWeights
from stages.face_figures import FaceFigures, FaceNetworks, FaceRow
from stages.frame_figures import FrameFigures
from stages.metrics.lpips import LpipsDistance
from stages.metrics.niqe import Pristine, load_pristine
from stages.metrics.perceptual import EffnetDistance
from stages.metrics.ssim import WINDOW
from stages.network_weights import FaceModelWeights, PerceptualWeights
from stages.networks.facemesh import FaceMesh
from stages.networks.mobilefacenet import Identity
from stages.networks.perceptual import Perceptual
from stages.networks.pooled_features import PooledFeatures
from stages.paired_clips import PairedClips, read_pairs
from stages.quality_figures import QualityFigures


@dataclass(frozen=True)
class Measures:
    """What was loaded. ``pristine``: of NIQE."""

    faces: FaceNetworks
    pristine: Pristine | None


class Evaluate(Stage):
    """Figures of a result against its source: over whole frames, in the faces' crops, outside them.

    Which face is where is always the source's; ``alignment`` and ``tracks`` are of the source.
    """

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=1.5)

    looks: int = Field(default=16, ge=1)
    """Frames whose quality is scored by NIQE, which takes long."""

    def load(
        self,
        face_models: FaceModelWeights,
        perceptual: PerceptualWeights,
        context: Context,
        niqe: NiqeWeights | None = None,
        lpips: LpipsWeights | None = None,
        identity: IdentityWeights | None = None,
    ) -> Measures:
        """Raises InputError when the identity network's file is not one."""
        if context.threads:
            torch.set_num_threads(context.threads)
        networks = FaceNetworks(
            mesh=FaceMesh(face_models.folder),
            distance=EffnetDistance(Perceptual(perceptual.folder)),
            pooled=PooledFeatures(perceptual.folder),
            lpips=LpipsDistance(lpips.folder) if lpips else None,
            identity=Identity(identity.file) if identity else None,
        )
        return Measures(networks, load_pristine(niqe.folder) if niqe else None)

    def run(
        self,
        loaded: Measures,
        clip: SourceClip,
        video: Video,
        result: SourceClip,
        result_video: Video,
        pair: PairedClips,
        shots: Shots,
        tracks: Tracks,
        alignment: Alignment,
        context: Context,
    ) -> Evaluation:
        """Raises InputError when the pictures are too small for SSIM."""
        width, height = pair.width, pair.height
        if min(width, height) < WINDOW:
            raise InputError(f"{clip.path.name} is only {width}x{height} pixels.")
        rows = _rows(tracks, alignment)
        cuts = set(shots.ranges[:, 0].tolist())
        frames, faces = FrameFigures(), FaceFigures(loaded.faces)
        quality = QualityFigures(loaded.pristine, pair.frames, self.looks)
        pairs = read_pairs(clip.path, video, result.path, result_video, context.threads)
        for both in pairs:
            here = rows.get(both.index, [])
            frames.add(both, _mask(here, width, height), cut=both.index in cuts)
            quality.add(both, here)
            for row in here:
                faces.add(both, row)
            context.progress(both.index + 1, pair.frames)
        return Evaluation(
            frames=pair.frames,
            width=width,
            height=height,
            faces=faces.faces,
            lost=faces.lost,
            figures=tuple(frames.figures() + quality.figures() + faces.figures()),
        )


def _rows(tracks: Tracks, alignment: Alignment) -> dict[int, list[FaceRow]]:
    """The chosen faces of each frame."""
    places = zip(tracks.track.tolist(), tracks.frame.tolist(), strict=True)
    landmarks = {place: row for row, place in enumerate(places)}
    found: dict[int, list[FaceRow]] = {}
    for row, (track, frame) in enumerate(
        zip(alignment.track.tolist(), alignment.frame.tolist(), strict=True)
    ):
        marks = tracks.landmarks[landmarks[track, frame]]
        face = FaceRow(track, np.asarray(alignment.quad[row]), np.asarray(marks))
        found.setdefault(frame, []).append(face)
    return found


def _mask(rows: list[FaceRow], width: int, height: int) -> Bool:
    """(h, w), True in any face's crop."""
    mask = np.zeros((height, width), np.uint8)
    for row in rows:
        cv2.fillPoly(mask, [np.rint(row.quad - 0.5).astype(np.int32)], 1)
    return mask.astype(bool)
