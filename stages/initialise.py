"""Stage: what the encoder misses of each track, found once and shared by all its frames."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8, Alignment, SourceClip, Video
from stages.coupling import Coupling
from stages.crop_faces import CROP
from stages.encode import encode
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.inversion_artifacts import TrackStarts
from stages.joint_inversion import (
    INVERSION_SIZE,
    Inverter,
    Precision,
    invert_jointly,
    load_inverter,
)
from stages.media.reader import read_planes
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.encoder import Encoder
from stages.networks.rgb_head import COARSE
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

    version: ClassVar[int] = 4
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    frames: int = Field(default=2, ge=1)
    """Frames of a track that are looked at. What is far off is alike in all: many steps on few
    frames reach further than few steps on many."""
    steps: int = Field(default=60, ge=1)
    """Adam steps at 128 in the first round. While a track is not ``near``, there is one more round,
    as long as all before it: a longer way takes more steps, larger ones leave W, and edits lose
    their hold. Each begins at the full rate and ends at nearly none, so few long ones reach further
    than many short ones: of 192 steps on pexels_two_faces, one round 22.2 dB, four 22.0."""
    most: int = Field(default=256, ge=1)
    """Steps of all rounds together."""
    near: float = Field(default=22.5)
    """dB at 128 that are near enough."""
    last_steps: int = Field(default=8, ge=1)
    """After the rounds, at the inversion's own size."""
    rate: float = Field(default=0.05, gt=0)
    """Learning rate."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = Weights(consistency=0)
    """Of the objective; the frames are no neighbours, so flow says nothing of them."""
    coupling: Coupling = Coupling(axes="principal")
    """Along which axes the offset is solved for."""
    precision: Precision = "fp32"
    """Of the generator's features."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        encoder: EncoderWeights,
        context: Context,
    ) -> Starter:
        return Starter(
            load_inverter(generator, heads, perceptual, context, self.precision),
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
        count = self.most + self.last_steps
        offsets, psnr = [], []
        for done, track in enumerate(tracks):

            def progress(step: int, before: int = done * count) -> None:
                context.progress(before + step, len(tracks) * count)

            crops = self._spread(clip, video, alignment, int(track))
            offset, found = self._solve(loaded, crops, context.device, progress)
            offsets.append(offset)
            psnr.append(found)
        shape = (len(tracks), *loaded.inverter.mean_code().shape)
        return TrackStarts(
            track=tracks.astype(np.int32),
            offset=np.array(offsets, np.float32).reshape(shape),
            psnr=np.array(psnr, np.float32),
        )

    def _solve(
        self, loaded: Starter, crops: U8, device: str, progress: Callable[[int], None]
    ) -> tuple[F32, float]:
        """The offset (rows, style_dim) of these crops' codes, and the PSNR that it leads to."""
        start = encode(loaded.encoder, crops, device)
        offset = np.zeros_like(start[0])

        def some(steps: int, size: int, before: int) -> float:
            nonlocal offset
            found = invert_jointly(
                loaded.inverter,
                crops,
                start + offset,
                None,
                self.weights,
                steps=steps,
                rate=self.rate,
                perceptual_size=self.perceptual_size,
                size=size,
                together=True,
                coupling=self.coupling,
                progress=lambda step: progress(before + step),
            )
            offset = (found.w_plus - start).mean(axis=0)
            return float(found.psnr.mean())

        taken, steps = 0, min(self.steps, self.most)
        while steps and some(steps, COARSE, taken) < self.near:
            taken += steps
            steps = min(taken, self.most - taken)
        psnr = some(self.last_steps, INVERSION_SIZE, self.most)
        return offset, psnr

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
