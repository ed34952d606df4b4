"""Stages: where all inverters of a bench start from, so that they start alike."""

from typing import ClassVar

import numpy as np

from pipeline.stage import Context, Resources, Stage
from stages.inversion_artifacts import AlignedFaces, Encoded, TrackStarts
from stages.joint_inversion import load_generator
from stages.network_weights import GeneratorWeights, HeadWeights


class StartAtMean(Stage):
    """The mean latent for every frame, as in paper 003."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    def load(self, generator: GeneratorWeights, heads: HeadWeights, context: Context) -> Encoded:
        model = load_generator(generator, heads, context).generator
        mean = model.broadcast(model.mean_latent()[None]).cpu().numpy()
        return Encoded(0, np.zeros(1, np.int32), np.asarray(mean, np.float32))

    def run(self, loaded: Encoded, faces: AlignedFaces) -> Encoded:
        n = len(faces.frame)
        return Encoded(faces.track, faces.frame, np.repeat(loaded.w_plus, n, axis=0))


class StartNear(Stage):
    """The encoder's codes, with what they lack of a track: as ``pipeline run`` starts."""

    def run(self, encoded: Encoded, starts: TrackStarts) -> Encoded:
        codes = np.asarray(encoded.w_plus + starts.of(encoded.track), np.float32)
        return Encoded(encoded.track, encoded.frame, codes)
