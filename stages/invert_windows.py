"""Stages: the codes of all frames, in two waves of windows.

A run of a face is cut into windows of nine frames that share their end frames. The first wave
solves frames 0 to 4 of every window (the anchors), all in parallel. The second solves frames 5 to
7 between two codes that are then known: its own frame 4 and the next window's frame 0. So every
frame is solved together with its neighbours, none is solved alone, no window waits for a chain of
others, and where windows meet they share the code itself.
"""

from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.coupling import Coupling
from stages.inversion_artifacts import AlignedFaces, Encoded, Flow, Latents, TrackStarts
from stages.inverters.joint import OUR_WEIGHTS, OURS
from stages.joint_inversion import Inverter, Precision, invert_jointly, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.objective import Pairs, Weights

ANCHORS = 5
"""Frames solved jointly in the first wave: paper 003's N."""


class InvertWindow(Stage):
    """Settings and networks that both waves share."""

    version: ClassVar[int] = 4
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    steps: int = Field(default=40, ge=1)
    """Adam steps."""
    rate: float = Field(default=0.03, gt=0)
    """Learning rate of the base code."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = OUR_WEIGHTS
    """Of the objective."""
    coupling: Coupling = OURS
    """How frames hold together; ``pipeline bench inversion --ablation`` compares its switches."""
    precision: Precision = "fp32"
    """Of the generator's features."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context, self.precision)


class InvertAnchors(InvertWindow):
    """First wave: the first five frames of a window, from the encoder and the track's offset."""

    def run(
        self,
        loaded: Inverter,
        faces: AlignedFaces,
        flow: Flow,
        encoded: Encoded,
        starts: TrackStarts,
        context: Context,
    ) -> Latents:
        n = min(ANCHORS, len(faces.frame))
        found = invert_jointly(
            loaded,
            faces.crops[:n],
            encoded.w_plus[:n] + starts.of(faces.track),
            Pairs.of(flow, 0, n, context.device),
            self.weights,
            steps=self.steps,
            rate=self.rate,
            perceptual_size=self.perceptual_size,
            coupling=self.coupling,
            progress=lambda step: context.progress(step * n // self.steps, n),
        )
        return Latents(
            track=faces.track,
            frame=faces.frame[:n],
            psnr=found.psnr,
            w_plus=found.w_plus,
        )


class BridgeAnchors(InvertWindow):
    """Second wave: the frames between a window's anchors and the next window's first."""

    rate: float = Field(default=0.02, gt=0)
    """Learning rate: the start is near, and what moves far from two known codes flickers."""
    coupling: Coupling = OURS.model_copy(update={"anchor": "first"})
    """How frames hold together. The base is the known code that the bridge starts from."""

    def run(
        self,
        loaded: Inverter,
        faces: AlignedFaces,
        flow: Flow,
        encoded: Encoded,
        anchors: Latents,
        following: Latents | None,
        context: Context,
    ) -> Latents:
        solved, n = len(anchors.frame), len(faces.frame)
        # The frame shared with the next window is that window's to keep.
        kept = n - 1 if faces.joins_next else n
        if solved >= kept:
            return _part(anchors, kept)
        first = solved - 1
        left = anchors.w_plus[-1]
        count = n - first
        if faces.joins_next:
            if following is None or _begins(following) != (faces.track, faces.frame[-1]):
                raise ValueError(f"the window at frame {faces.frame[0]} has lost its next")
            ends, fixed = (left, following.w_plus[0]), [0, count - 1]
        else:
            ends, fixed = (left, left + encoded.w_plus[-1] - encoded.w_plus[first]), [0]
        start = between(encoded.w_plus[first:], *ends)
        found = invert_jointly(
            loaded,
            faces.crops[first:],
            start,
            Pairs.of(flow, first, count, context.device),
            self.weights,
            steps=self.steps,
            rate=self.rate,
            perceptual_size=self.perceptual_size,
            coupling=self.coupling,
            fixed=fixed,
            progress=lambda step: context.progress(step * count // self.steps, count),
        )
        return Latents(
            track=faces.track,
            frame=faces.frame[:kept],
            psnr=np.concatenate([anchors.psnr[:first], found.psnr])[:kept],
            w_plus=np.concatenate([anchors.w_plus[:first], found.w_plus])[:kept],
        )


def _begins(latents: Latents) -> tuple[int, int]:
    return latents.track, int(latents.frame[0])


def between(encoded: F32, left: F32, right: F32) -> F32:
    """The encoder's codes (n, rows, style_dim), shifted so that the ends meet two known codes."""
    share = np.linspace(0, 1, len(encoded), dtype=np.float32)[:, None, None]
    off_left, off_right = left - encoded[0], right - encoded[-1]
    start = encoded + off_left + share * (off_right - off_left)
    start[0], start[-1] = left, right  # to the bit
    return np.asarray(start, np.float32)


def _part(latents: Latents, count: int) -> Latents:
    return Latents(
        track=latents.track,
        frame=latents.frame[:count],
        psnr=latents.psnr[:count],
        w_plus=latents.w_plus[:count],
    )
