"""Stage: which faces of a clip are the person in a photograph."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import NothingToEdit, UsageError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, I32, Likeness, SourceClip, Tracks, Video
from stages.detect import DetectFaces, FaceFinder
from stages.evaluation import IdentityWeights
from stages.media.random_access import frames_at
from stages.network_weights import FaceModelWeights
from stages.networks.mobilefacenet import Identity, face_chip
from stages.photographs import Photograph, read_picture
from stages.yaw import yaw_of


@dataclass(frozen=True)
class Recognition:
    """The networks of this stage."""

    finder: FaceFinder
    identity: Identity


class MeasureLikeness(Stage):
    """Compares a few frontal looks of every track with the largest face of each photograph."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    looks: int = Field(default=5, ge=1)
    """Frames of a track that are compared: the most frontal of as many parts."""

    def load(
        self, face_models: FaceModelWeights, identity: IdentityWeights, context: Context
    ) -> Recognition:
        """Raises InputError when the identity network's file is not one."""
        return Recognition(
            DetectFaces().load(face_models=face_models, context=context), Identity(identity.file)
        )

    def run(
        self,
        loaded: Recognition,
        photographs: list[Photograph],
        clip: SourceClip,
        video: Video,
        tracks: Tracks,
        context: Context,
    ) -> Likeness:
        """
        Raises:
            InputError: a photograph cannot be read.
            NothingToEdit: one shows no face.
            UsageError: the landmarks are not those of the mesh, which the network's crops need.
        """
        if tracks.layout != "mesh":
            raise UsageError("--face like: needs the landmarks of the face mesh.")
        known = np.concatenate([self._known(loaded, each) for each in photographs])
        ids = np.unique(tracks.track)
        cosines = []
        for done, track in enumerate(ids.tolist()):
            chips = [
                face_chip(frames_at(clip.path, video, [int(tracks.frame[row])])[0], marks)
                for row in frontal(tracks, track, self.looks)
                for marks in [tracks.landmarks[row]]
            ]
            mean = loaded.identity(np.stack(chips)).mean(axis=0)
            cosines.append(known @ mean / np.linalg.norm(mean))
            context.progress(done + 1, len(ids))
        shape = (len(ids), len(photographs))
        return Likeness(
            track=ids.astype(np.int32), cosine=np.asarray(cosines, np.float32).reshape(shape)
        )

    def _known(self, loaded: Recognition, photograph: Photograph) -> F32:
        picture = read_picture(photograph.path)
        found = DetectFaces().faces_in(loaded.finder, picture, [])
        if not found:
            raise NothingToEdit(f"{photograph.path} shows no face.")
        return loaded.identity(face_chip(picture, found[0].landmarks)[None])


def frontal(tracks: Tracks, track: int, looks: int) -> I32:
    """Rows of a track: of each of ``looks`` parts the one that is turned away least.

    What the detector found goes before what was interpolated.
    """
    rows = np.flatnonzero(tracks.track == track)
    turned = np.abs(yaw_of(tracks.landmarks[rows])) + 1000.0 * tracks.interpolated[rows]
    parts = np.array_split(np.arange(len(rows)), min(looks, len(rows)))
    return np.array([rows[part[np.argmin(turned[part])]] for part in parts], np.int32)
