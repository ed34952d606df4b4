"""Stage: what the encoder misses of each track, found once and shared by all its frames."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import U8, Alignment, SourceClip, Video
from stages.crop_faces import CROP
from stages.encode import encode
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.inversion_artifacts import TrackStarts
from stages.joint_inversion import Inverter, invert_jointly, load_inverter
from stages.media.reader import read_planes
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.encoder import Encoder
from stages.objective import Weights
from stages.quad import crop


@dataclass(frozen=True)
class Starter:
    """The encoder, and what corrects it."""

    inverter: Inverter
    encoder: Encoder


class InitialiseLatents(Stage):
    """One offset a track: frames spread over it, encoded, and moved together onto themselves.

    The encoder follows pose and expression from frame to frame but misses the same of a person in
    every frame. Frames of the whole track agree on that here (the mutually accessible base of
    paper 003), so no window has to find it again.
    """

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    frames: int = Field(default=4, ge=1)
    """Frames of a track that are looked at."""
    steps: int = Field(default=60, ge=1)
    """Adam steps."""
    rate: float = Field(default=0.05, gt=0)
    """Learning rate."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = Weights(consistency=0)
    """Of the objective; the frames are no neighbours, so flow says nothing of them."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        encoder: EncoderWeights,
        context: Context,
    ) -> Starter:
        return Starter(
            load_inverter(generator, heads, perceptual, context),
            load_encoder(encoder.file, generator.name, context.device),
        )

    def run(
        self,
        loaded: Starter,
        clip: SourceClip,
        video: Video,
        alignment: Alignment,
        context: Context,
    ) -> TrackStarts:
        tracks = np.unique(alignment.track[alignment.weight > 0])
        offsets, psnr = [], []
        for done, track in enumerate(tracks):
            crops = self._spread(clip, video, alignment, int(track))
            start = encode(loaded.encoder, crops, context.device)
            found = invert_jointly(
                loaded.inverter,
                crops,
                start,
                None,
                self.weights,
                steps=self.steps,
                rate=self.rate,
                perceptual_size=self.perceptual_size,
                together=True,
                progress=lambda step, done=done: context.progress(  # type: ignore[misc]
                    done * self.steps + step, len(tracks) * self.steps
                ),
            )
            offsets.append((found.w_plus - start).mean(axis=0))
            psnr.append(float(found.psnr.mean()))
        shape = (len(tracks), *loaded.inverter.mean_code().shape)
        return TrackStarts(
            track=tracks.astype(np.int32),
            offset=np.array(offsets, np.float32).reshape(shape),
            psnr=np.array(psnr, np.float32),
        )

    def _spread(self, clip: SourceClip, video: Video, alignment: Alignment, track: int) -> U8:
        """(k, 256, 256, 3) crops of frames at even distances, first and last excluded."""
        rows = np.flatnonzero((alignment.track == track) & (alignment.weight > 0))
        share = (np.arange(self.frames) + 0.5) / self.frames
        chosen = rows[np.unique((share * len(rows)).astype(int))]
        crops: list[U8] = []
        for row in chosen:
            at = int(alignment.frame[row])
            (frame,) = read_planes(clip.path, video, at, at + 1)
            crops.append(crop(frame.rgb(), alignment.quad[row], CROP))
        return np.stack(crops)
