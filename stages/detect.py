"""Stage: find every face in every frame, with its landmarks. One pass over the clip."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8, Faces, SourceClip, Video
from stages.media.reader import read_rgb
from stages.network_weights import FaceModelWeights
from stages.networks.blazeface import (
    BlazeFace,
    Detections,
    Window,
    join,
    merge_overlapping,
    overlaps,
)
from stages.networks.facemesh import FaceMesh, Mesh, quad_of_detection, quad_of_landmarks
from stages.networks.fan import Fan
from stages.quad import eyes_and_mouth

_SAME_FACE = 0.3
"""Intersection over union from which two boxes of one frame are one face."""
_LOST = 0.9
"""Mesh confidence below which a face that the detector no longer sees is given up."""
_UPRIGHT = 0.65
"""Detector's score below which other ways up are tried too: upright faces of the reference clips
scored 0.57 to 0.96, one on its side 0.53 and 0.62."""
_CLEARLY = 0.15
"""By how much more another way up must score where the mesh says that a face stands. Faces upside
down did by 0.2 and more, upright ones by 0.148 at most, 14 of 3,000."""
_STANDING = np.radians(30)
"""Tilt within which a face stands, if the mesh is as sure of it as ``_LOST``. Of a face on its side
that the detector took for an upright one the mesh is less sure, or turns it back by 43 or more."""
_PART_INSIDE = 0.5
"""Least part of a face's box that lies inside the picture."""


@dataclass(frozen=True)
class FaceFinder:
    """The loaded networks. ``fan`` only where 68 landmarks are asked for."""

    detector: BlazeFace
    mesh: FaceMesh
    fan: Fan | None


class DetectFaces(Stage):
    """Boxes by BlazeFace, landmarks by the face mesh (or by face-alignment's FAN).

    Each frame is looked at as a whole and, when it is not nearly square, in overlapping squares,
    since the detector's own input is small. A face that the last frame had is followed by its mesh
    even where the detector blinks.
    """

    version: ClassVar[int] = 3
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.6)

    landmarks: Literal["mesh", "fan"] = "mesh"
    """468 points of the built-in mesh, or 68 of the face-alignment library."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Least score of the detector for a place to be looked at."""
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.8
    """Least confidence of the mesh for a face to count. In full profile and on half faces it
    falls to 0.5 or 0.7, and its points can no longer be used."""
    min_face: Annotated[float, Field(ge=8)] = 40
    """Least height of a face, hairline to chin, in pixels."""

    def load(self, face_models: FaceModelWeights, context: Context) -> FaceFinder:
        """Raises MissingDependency when ``landmarks`` is "fan" and its weights cannot be had."""
        fan = Fan(context.device) if self.landmarks == "fan" else None
        return FaceFinder(BlazeFace(face_models.folder), FaceMesh(face_models.folder), fan)

    def run(self, loaded: FaceFinder, clip: SourceClip, video: Video, context: Context) -> Faces:
        frames: list[int] = []
        boxes: list[F32] = []
        scores: list[float] = []
        points: list[F32] = []
        before: list[Mesh] = []
        for index, image in enumerate(read_rgb(clip.path, video)):
            before = self.faces_in(loaded, image, before)
            box = np.array([mesh.box for mesh in before], np.float32).reshape(-1, 4)
            marks = [mesh.landmarks for mesh in before]
            frames += [index] * len(before)
            boxes += list(box)
            scores += [mesh.confidence for mesh in before]
            points += marks if loaded.fan is None else list(loaded.fan(image, box))
            context.progress(index + 1, video.frames)
        count = 468 if loaded.fan is None else 68
        return Faces(
            layout="mesh" if loaded.fan is None else "ibug",
            frame=np.array(frames, np.int32),
            box=np.array(boxes, np.float32).reshape(-1, 4),
            score=np.array(scores, np.float32),
            landmarks=np.array(points, np.float32).reshape(-1, count, 2),
        )

    def faces_in(self, loaded: FaceFinder, image: U8, before: list[Mesh]) -> list[Mesh]:
        """Meshes of one frame, largest first. ``before``: those of the frame before it."""
        height, width = image.shape[:2]
        seen = self._detect(loaded.detector, image)
        if not before and (seen.score < _UPRIGHT).all():
            lead = _CLEARLY if _stands(loaded.mesh, image, seen) else 0.0
            seen = self._detect_turned(loaded.detector, image, seen, lead)
        candidates: list[Mesh] = []
        for mesh in before:
            followed = loaded.mesh(image, quad_of_landmarks(mesh.landmarks))
            confirmed = bool((overlaps(followed.box, seen.box) > _SAME_FACE).any())
            if followed.confidence >= (self.confidence if confirmed else _LOST):
                candidates.append(followed)
        for row in range(len(seen.box)):
            if _known(seen.box[row], candidates):
                continue
            candidates.append(_twice(loaded.mesh, image, seen, row))
        faces: list[Mesh] = []
        for mesh in sorted(candidates, key=_height, reverse=True):
            fits = (
                _height(mesh) >= self.min_face and _inside(mesh.box, width, height) >= _PART_INSIDE
            )
            sure = mesh.confidence >= self.confidence
            if fits and sure and not _known(mesh.box, faces):
                faces.append(mesh)
        return faces

    def _detect_turned(
        self, detector: BlazeFace, image: U8, upright: Detections, lead: float
    ) -> Detections:
        """The best of the picture as it is and turned by quarters: a face may lie on its side.

        The detector knows upright faces; others it misses, or finds with the wrong points.

        Args:
            lead: how much more than upright another way up must score.
        """
        height, width = image.shape[:2]
        ways = []
        for quarters in (1, 2, 3):
            turned = np.ascontiguousarray(np.rot90(image, quarters))
            ways.append(turned_back(self._detect(detector, turned), quarters, width, height))
        best = max(ways, key=_best_score)
        return best if _best_score(best) > _best_score(upright) + lead else upright

    def _detect(self, detector: BlazeFace, image: U8) -> Detections:
        found = [
            detector(image, window, self.threshold)
            for window in windows(image.shape[1], image.shape[0])
        ]
        return merge_overlapping(join(found))


def turned_back(found: Detections, quarters: int, width: int, height: int) -> Detections:
    """Where faces of a picture turned by ``np.rot90`` lie in the picture of that size itself."""

    def back(points: F32) -> F32:
        x, y = points[..., 0], points[..., 1]
        there = {1: (width - y, x), 2: (width - x, height - y), 3: (y, height - x)}[quarters]
        return np.stack(there, axis=-1).astype(np.float32)

    corners = back(found.box.reshape(-1, 2, 2))
    box = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return Detections(box, found.score, back(found.points))


def windows(width: int, height: int) -> list[Window]:
    """The whole picture as one square, and squares along its longer side that overlap by half."""
    long, short = max(width, height), min(width, height)
    whole = Window((width - long) // 2, (height - long) // 2, long)
    if long < 1.25 * short:
        return [whole]
    count = int(np.ceil((long - short) / (short / 2))) + 1
    starts = np.linspace(0, long - short, count).round().astype(int).tolist()
    wide = width >= height
    return [whole, *(Window(s if wide else 0, 0 if wide else s, short) for s in starts)]


def _twice(mesh: FaceMesh, image: U8, seen: Detections, row: int) -> Mesh:
    """The mesh of a detection, then that of what it found."""
    return mesh(image, quad_of_landmarks(mesh(image, quad_of_detection(seen, row)).landmarks))


def _stands(mesh: FaceMesh, image: U8, seen: Detections) -> bool:
    """Whether the best detection is a face whose mouth is below its eyes."""
    if not len(seen.score):
        return False
    found = _twice(mesh, image, seen, int(seen.score.argmax()))
    left, right, mouth = eyes_and_mouth(found.landmarks)
    x, y = mouth - (left + right) / 2
    return found.confidence >= _LOST and bool(abs(np.arctan2(x, y)) < _STANDING)


def _best_score(found: Detections) -> float:
    return float(found.score.max(initial=0))


def _known(box: F32, faces: list[Mesh]) -> bool:
    boxes = np.array([mesh.box for mesh in faces], np.float32).reshape(-1, 4)
    return bool((overlaps(box, boxes) > _SAME_FACE).any())


def _height(mesh: Mesh) -> float:
    return float(mesh.box[3] - mesh.box[1])


def _inside(box: F32, width: int, height: int) -> float:
    """How much of the box lies within the picture, in [0, 1]."""
    low, high = np.maximum(box[:2], 0), np.minimum(box[2:], (width, height))
    return float(np.prod(np.clip(high - low, 0, None)) / max(np.prod(box[2:] - box[:2]), 1e-9))
