"""Stage: which faces of a clip are people in photographs."""

from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import UsageError
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import I32, KnownPeople, Likeness, SourceClip, Tracks, Video
from stages.evaluation import IdentityWeights
from stages.media.random_access import frames_at
from stages.networks.mobilefacenet import Identity, face_chip
from stages.yaw import yaw_of


class MeasureLikeness(Stage):
    """Compares a few frontal looks of every track with the people that are known."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    looks: int = Field(default=5, ge=1)
    """Frames of a track that are compared: the most frontal of as many parts."""
    alike: float = Field(default=0.45, ge=-1, le=1)
    """Cosine from which a face counts as that of a photograph. Among 100 photographs of ten people
    in LFW, MobileFaceNet gives 99 % of the pairs of one person 0.41 and more, 99.9 % of all others
    0.49 and less."""

    def load(self, identity: IdentityWeights, context: Context) -> Identity:
        """Raises InputError when the identity network's file is not one."""
        return Identity(identity.file)

    def run(
        self,
        loaded: Identity,
        people: KnownPeople,
        clip: SourceClip,
        video: Video,
        tracks: Tracks,
        context: Context,
    ) -> Likeness:
        """Raises UsageError: the landmarks are not the mesh's, which the network's crops need."""
        if tracks.layout != "mesh":
            raise UsageError("--face like: needs the landmarks of the face mesh.")
        ids = np.unique(tracks.track)
        cosines = np.zeros((len(ids), len(people.vectors)), np.float32)
        for place, track in enumerate(ids.tolist()):
            rows = frontal(tracks, track, self.looks)
            pictures = frames_at(clip.path, video, tracks.frame[rows].tolist())
            chips = [
                face_chip(picture, marks)
                for picture, marks in zip(pictures, tracks.landmarks[rows], strict=True)
            ]
            mean = loaded(np.stack(chips)).mean(axis=0)
            cosines[place] = people.vectors @ mean / np.linalg.norm(mean)
            context.progress(place + 1, len(ids))
        return Likeness(track=ids.astype(np.int32), cosine=cosines, alike=self.alike)


def frontal(tracks: Tracks, track: int, looks: int) -> I32:
    """Rows of a track: of each of ``looks`` parts the one that is turned away least.

    What the detector found goes before what was interpolated.
    """
    rows = np.flatnonzero(tracks.track == track)
    turned = np.abs(yaw_of(tracks.landmarks[rows])) + 1000.0 * tracks.interpolated[rows]
    parts = np.array_split(np.arange(len(rows)), min(looks, len(rows)))
    return np.array([rows[part[np.argmin(turned[part])]] for part in parts], np.int32)
