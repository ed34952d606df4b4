"""Stage: a short clip of a person who does not exist, for a first try and for tests.

One sample of the generator turns its head and opens its mouth (along directions of our own), in
front of a moving background, with sound. It flatters the generator, which can reproduce itself:
figures come from real clips.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import cv2
import numpy as np
import torch
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.direction_file import read_direction
from stages.edit_artifacts import Direction
from stages.network_weights import GeneratorWeights
from stages.networks.mobile_stylegan import load_mobile_stylegan

SIZE = 512
RATE = 48_000


@dataclass(frozen=True)
class SampleFile(Artifact):
    """The clip: H.264 and AAC in MP4."""

    file: Path


class SampleClip(Stage):
    """Renders, composites and encodes the sample clip."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=2)

    frames: int = Field(default=48, gt=1)
    """How many."""
    rate: int = Field(default=24, gt=0)
    """Frames a second."""
    seed: int = Field(default=8, ge=0)
    """Of the person."""
    psi: float = Field(default=0.6, gt=0, le=1)
    """Distance from the mean latent."""
    turn: float = 0.8
    """Largest turn to either side, in standard deviations of the yaw direction."""
    opening: float = 0.7
    """Largest opening of the mouth, in standard deviations."""

    @torch.no_grad()
    def run(
        self, generator: GeneratorWeights, directions: list[Direction], context: Context
    ) -> SampleFile:
        if context.threads:
            torch.set_num_threads(context.threads)
        model = load_mobile_stylegan(generator.folder)
        mean = model.mean_latent()
        z = torch.randn(
            1, model.shape.style_dim, generator=torch.Generator().manual_seed(self.seed)
        )
        person = mean + self.psi * (model.mapping(z) - mean)
        units = {d.name: _unit(d) for d in directions}
        file = context.scratch / "sample.mp4"
        with av.open(str(file), "w", options={"movflags": "+faststart"}) as out:
            video = out.add_stream("libx264", rate=self.rate, options={"crf": "20"})
            video.width = video.height = SIZE
            video.pix_fmt = "yuv420p"
            audio = out.add_stream("aac", rate=RATE)
            audio.layout = "mono"
            for i in range(self.frames):
                phase = i / self.frames
                yaw = self.turn * float(np.sin(2 * np.pi * phase))
                mouth = self.opening * float(0.5 - 0.5 * np.cos(6 * np.pi * phase))
                w = person + yaw * units["yaw"] + mouth * units["mouth"]
                picture = _over_background(_rendered(model(model.broadcast(w))[0]), phase)
                frame = VideoFrame.from_ndarray(picture, format="rgb24")
                out.mux(video.encode(frame))
                context.progress(i + 1, self.frames)
            out.mux(video.encode())
            for sound in _sound(self.frames / self.rate, audio.codec_context.frame_size or 1024):
                out.mux(audio.encode(sound))
            out.mux(audio.encode())
        return SampleFile(file)


def _unit(direction: Direction) -> torch.Tensor:
    header, vector = read_direction(direction.file)
    return torch.tensor(header.sigma * vector)


def _rendered(image: torch.Tensor) -> F32:
    """(512, 512, 3) in [0, 255]."""
    pixels = ((image.clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()
    return np.asarray(cv2.resize(pixels, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.float32)


def _over_background(person: F32, phase: float) -> U8:
    """The person, fading at its edges into stripes of light that drift to the side."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32) / SIZE
    wave = np.sin(2 * np.pi * (2 * x + 0.6 * y + phase)) * np.sin(2 * np.pi * (0.7 * y - phase))
    shade = 95 + 35 * wave
    background = np.stack([0.75 * shade, 0.9 * shade, 1.1 * shade], axis=-1)
    # An ellipse around the head, and the shoulders below it.
    head = ((x - 0.5) / 0.40) ** 2 + ((y - 0.47) / 0.50) ** 2
    shoulders = ((x - 0.5) / 0.50) ** 2 + ((y - 1.05) / 0.36) ** 2
    inside = np.clip((1.12 - np.minimum(head, shoulders)) / 0.3, 0, 1)
    alpha = (inside * inside * (3 - 2 * inside))[..., None]
    mixed = np.rint(alpha * person + (1 - alpha) * background)
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _sound(seconds: float, block: int) -> list[AudioFrame]:
    """A soft chord that swells with the mouth."""
    t = np.arange(int(seconds * RATE)) / RATE
    swell = 0.5 - 0.5 * np.cos(6 * np.pi * t / seconds)
    tone = sum(np.sin(2 * np.pi * f * t) / n for n, f in enumerate((220.0, 277.2, 329.6), 1))
    samples = (0.12 * swell * tone).astype(np.float32)
    frames = []
    for at in range(0, len(samples) - block + 1, block):
        frame = AudioFrame.from_ndarray(samples[None, at : at + block], "fltp", "mono")
        frame.sample_rate = RATE
        frame.pts = at
        frame.time_base = Fraction(1, RATE)
        frames.append(frame)
    return frames
