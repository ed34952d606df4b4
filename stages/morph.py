"""Stage: a face that becomes another one, as a clip.

"From Continuity to Editability" (ICCV 2021), section 4.4.2: codes between two inverted ones,
rendered whole. Equal steps of the code are not equal steps of the picture, so the shares are spaced
anew: the picture is rendered at a few of them, and those in between are chosen so that the
perceptual distance that is covered grows evenly.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import ClassVar, Literal

import av
import cv2
import numpy as np
import torch
from av.video.reformatter import ColorRange, Colorspace
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, F64, U8
from stages.detect import DetectFaces, FaceFinder
from stages.evaluation import IdentityWeights
from stages.invert_pair import Ends
from stages.joint_inversion import load_generator
from stages.label_samples import render_256
from stages.media.mux import DEFAULT_TAG
from stages.metrics.perceptual import EffnetDistance
from stages.morph_figures import MorphFigures, StepFigure, lengths
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
)
from stages.networks.mobilefacenet import Identity
from stages.networks.perceptual import Perceptual
from stages.networks.rgb_head import RenderableGenerator

_THREADS = 4
"""Of the encoder: another number gives other bytes."""


@dataclass(frozen=True)
class MorphClip(Artifact):
    """``file``: MP4. ``shares``: (n,) how much of the second face each frame has."""

    file: Path
    figures: tuple[StepFigure, ...]
    shares: F64 = field(repr=False)


@dataclass(frozen=True)
class MorphNetworks:
    """What renders and what measures."""

    generator: RenderableGenerator
    distance: EffnetDistance
    finder: FaceFinder
    identity: Identity | None


class RenderMorph(Stage):
    """Renders the whole aligned crop: nothing of the pictures themselves is in it."""

    version: ClassVar[int] = 1
    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=2)

    frames: int = Field(default=50, ge=2)
    """How many, both ends included."""
    fps: float = Field(default=25.0, gt=0)
    """Frames a second."""
    size: Literal[256, 512, 1024] = 1024
    """Side of the picture."""
    pace: Literal["even", "linear"] = "even"
    """even: equal perceptual distances from frame to frame; linear: equal steps of the code."""
    looks: int = Field(default=17, ge=3)
    """Shares at which the picture is looked at to find an even pace."""
    crf: int = Field(default=16, ge=0, le=51)
    """Quality of x264."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        face_models: FaceModelWeights,
        context: Context,
        identity: IdentityWeights | None = None,
    ) -> MorphNetworks:
        return MorphNetworks(
            load_generator(generator, heads, context),
            EffnetDistance(Perceptual(perceptual.folder)),
            DetectFaces().load(face_models=face_models, context=context),
            Identity(identity.file) if identity else None,
        )

    def run(self, loaded: MorphNetworks, ends: Ends, context: Context) -> MorphClip:
        shares = np.linspace(0, 1, self.frames)
        if self.pace == "even":
            tried = np.linspace(0, 1, self.looks)
            seen = render_256(loaded.generator, torch.tensor(codes_at(ends, tried)))
            shares = evenly(tried, lengths(loaded.distance, seen[:-1], seen[1:]), self.frames)
        figures = MorphFigures(loaded.distance, loaded.finder, loaded.identity)
        file = context.scratch / "morph.mp4"
        with av.open(str(file), "w", options={"movflags": "+faststart"}) as out:
            out.metadata["comment"] = f"{DEFAULT_TAG}: morph"
            rate = Fraction(self.fps).limit_denominator(1001)
            stream = out.add_stream("libx264", rate=rate, options={"crf": str(self.crf)})
            stream.width = stream.height = self.size
            stream.pix_fmt = "yuv420p"
            context_ = stream.codec_context
            context_.thread_count = _THREADS
            context_.color_range, context_.colorspace = ColorRange.MPEG, Colorspace.ITU709
            context_.color_primaries = context_.color_trc = 1
            for done, share in enumerate(shares, 1):
                picture = _rendered(loaded.generator, codes_at(ends, share[None]), self.size)
                small = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_AREA)
                figures.add(np.asarray(small, np.uint8))
                frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(
                    format="yuv420p",
                    dst_colorspace=Colorspace.ITU709,
                    dst_color_range=ColorRange.MPEG,
                )
                out.mux(stream.encode(frame))
                context.progress(done, self.frames)
            out.mux(stream.encode(None))
        return MorphClip(file=file, figures=figures.figures(), shares=shares)


def codes_at(ends: Ends, shares: F64) -> F32:
    """(n, rows, style_dim) codes with these shares (n,) of the second face."""
    first, second = ends.w_plus.astype(np.float64)
    return np.asarray(first + shares[:, None, None] * (second - first), np.float32)


def evenly(tried: F64, distances: F64, count: int) -> F64:
    """(count,) shares from 0 to 1 between which the same distance is covered.

    Args:
        tried: (n,) shares that were looked at, rising from 0 to 1.
        distances: (n - 1,) between what is seen at neighbouring ones.
    """
    covered = np.concatenate([[0], np.cumsum(distances, dtype=np.float64)])
    if covered[-1] <= 0:
        return np.linspace(0, 1, count)
    # A trace of the share itself, so that no stretch is jumped over.
    covered = covered / covered[-1] + 1e-3 * tried
    return np.asarray(np.interp(np.linspace(0, covered[-1], count), covered, tried), np.float64)


def _rendered(generator: RenderableGenerator, code: F32, size: int) -> U8:
    """(size, size, 3)."""
    with torch.no_grad():
        image = generator(torch.tensor(code), size)[0]
    pixels = ((image.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0)
    return np.ascontiguousarray(pixels.cpu().numpy(), np.uint8)
