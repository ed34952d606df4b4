"""Stage: what a recognition network sees in photographs of people."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.failure import InputError, NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, KnownPeople
from stages.detect import DetectFaces, FaceFinder
from stages.evaluation import IdentityWeights
from stages.network_weights import FaceModelWeights
from stages.networks.mobilefacenet import Identity, face_chip
from stages.photographs import Photograph, read_picture


@dataclass(frozen=True)
class Recognition:
    """The networks of this stage."""

    finder: FaceFinder
    identity: Identity


class KnowPeople(Stage):
    """Embeds the largest face of each photograph."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    apart: float = Field(default=0.6, gt=0, le=1)
    """A second face has to be smaller than this share of the largest, or it is not said who is
    meant."""

    def load(
        self, face_models: FaceModelWeights, identity: IdentityWeights, context: Context
    ) -> Recognition:
        """Raises InputError when the identity network's file is not one."""
        return Recognition(
            DetectFaces().load(face_models=face_models, context=context), Identity(identity.file)
        )

    def run(
        self, loaded: Recognition, photographs: list[Photograph], context: Context
    ) -> KnownPeople:
        """
        Raises:
            InputError: a photograph cannot be read, or shows several people.
            NothingToEdit: it shows no face.
        """
        return KnownPeople(np.concatenate([self._known(loaded, each) for each in photographs]))

    def _known(self, loaded: Recognition, photograph: Photograph) -> F32:
        picture = read_picture(photograph.path)
        found = DetectFaces().faces_in(loaded.finder, picture, [])
        if not found:
            raise NothingToEdit(f"{photograph.path} shows no face.")
        sizes = sorted(float(np.ptp(face.landmarks[:, 1])) for face in found)
        if len(sizes) > 1 and sizes[-2] >= self.apart * sizes[-1]:
            raise InputError(
                f"{photograph.path} shows {len(found)} faces of about one size; cut it to the "
                "person that is meant."
            )
        return loaded.identity(face_chip(picture, found[0].landmarks)[None])
