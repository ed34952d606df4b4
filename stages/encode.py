"""Stage: the encoder's code of every crop: where an inversion starts from."""

from typing import ClassVar

import numpy as np
import torch

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.frame_parallel import frame_threads
from stages.inversion_artifacts import AlignedFaces, Encoded
from stages.joint_inversion import to_tensor
from stages.network_weights import GeneratorWeights
from stages.networks.encoder import Encoder


class EncodeFaces(Stage):
    """One pass of the encoder over the crops of a window."""

    resources: ClassVar[Resources] = Resources(cpus=1, gpus=0.25, memory_gb=1)

    def load(
        self, generator: GeneratorWeights, encoder: EncoderWeights, context: Context
    ) -> Encoder:
        if context.threads:
            torch.set_num_threads(context.threads)
        return load_encoder(encoder.file, generator.name, context.device)

    def run(self, loaded: Encoder, faces: AlignedFaces, context: Context) -> Encoded:
        return Encoded(
            track=faces.track,
            frame=faces.frame,
            w_plus=encode(loaded, faces.crops, context.device),
        )


def encode(encoder: Encoder, crops: U8, device: str) -> F32:
    """(n, s, s, 3) uint8 crops to w_plus (n, rows, style_dim)."""
    images = to_tensor(crops, device)

    def codes(part: slice) -> torch.Tensor:
        with torch.no_grad():
            return torch.as_tensor(encoder(images[part]))

    with frame_threads(device) as threads:
        found = torch.cat(threads.each(codes, threads.parts(len(images))))
    return np.asarray(found.cpu().numpy(), np.float32)
