"""Stages: paper 003's synthesised sets, consecutive faces whose codes are known.

Section 4 of the paper: sequences of five, each a random sample of the generator moved along an
edit direction by amounts in [-3, 3]. Here an amount is in standard deviations of the direction, in
rising order, so that neighbours are near each other as frames are. The supplement's second set
(table 8) moves samples along paths that are not straight: see ``stages.curved_paths``.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.curved_paths import CurvedPaths
from stages.direction_file import read_direction
from stages.edit_artifacts import Direction
from stages.inversion_artifacts import AlignedFaces, Latents
from stages.joint_inversion import load_generator
from stages.label_samples import render_256
from stages.network_weights import GeneratorWeights, HeadWeights
from stages.networks.mobile_stylegan import load_mobile_stylegan
from stages.networks.rgb_head import RenderableGenerator


class SampleSequences(Stage):
    """Codes of the sequences; a sequence is the same however many there are."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1)

    samples: int = Field(default=8, ge=1)
    """Sequences (the paper has 1,000)."""
    frames: int = Field(default=5, ge=2)
    """Of each."""
    reach: float = Field(default=3.0, gt=0)
    """Largest amount along a direction, in standard deviations."""
    psi: float = Field(default=0.7, gt=0, le=1)
    """Distance of a sample from the mean latent, as a share of its own."""
    seed: int = Field(default=0, ge=0)
    """Of the samples, directions and amounts."""

    def run(
        self, generator: GeneratorWeights, directions: list[Direction], context: Context
    ) -> Iterator[Latents]:
        model = load_mobile_stylegan(generator.folder)
        paths = CurvedPaths(model.mapping, model.mean_latent(), self.psi)
        for number in range(self.samples):
            random = np.random.default_rng((self.seed, number))
            z = torch.tensor(random.standard_normal((1, model.shape.style_dim)), dtype=torch.float)
            direction = directions[int(random.integers(len(directions)))]
            amounts = np.sort(random.uniform(-self.reach, self.reach, self.frames))
            with torch.no_grad():
                base = model.broadcast(paths.code(z)).numpy()
            offsets = self.offsets(direction, paths, z, amounts.tolist(), model.shape.rows)
            yield Latents(
                track=number,
                frame=np.arange(self.frames, dtype=np.int32),
                psnr=np.full(self.frames, np.inf, np.float32),
                w_plus=np.asarray(base + offsets, np.float32),
            )
            context.progress(number + 1, self.samples)

    def offsets(
        self,
        direction: Direction,
        paths: CurvedPaths,
        z: torch.Tensor,
        amounts: Sequence[float],
        rows: int,
    ) -> F32:
        """(frames, rows, style_dim): what the amounts add to the code of ``z``."""
        return straight(direction, amounts, rows)


class SampleCurves(SampleSequences):
    """As ``SampleSequences``, along paths that bend with the surface of the latent space."""

    def offsets(
        self,
        direction: Direction,
        paths: CurvedPaths,
        z: torch.Tensor,
        amounts: Sequence[float],
        rows: int,
    ) -> F32:
        return curved(direction, paths, z, amounts, rows)


def straight(direction: Direction, amounts: Sequence[float], rows: int) -> F32:
    """(k, rows, style_dim): what each amount along a direction adds to any code."""
    along = np.asarray(amounts, np.float32)[:, None, None]
    return np.asarray(along * moved(direction, rows), np.float32)


def curved(
    direction: Direction,
    paths: CurvedPaths,
    z: torch.Tensor,
    amounts: Sequence[float],
    rows: int,
) -> F32:
    """(k, rows, style_dim): what each amount adds to the code of ``z``, on the path from there."""
    header, vector = read_direction(direction.file)
    unit = torch.tensor(header.sigma * vector, dtype=torch.float)
    found = np.zeros((len(amounts), rows, len(vector)), np.float32)
    found[:, list(header.rows)] = paths.along(z, unit, amounts).numpy()[:, None]
    return found


def moved(direction: Direction, rows: int) -> F32:
    """(rows, style_dim): what one standard deviation along a direction adds to a code."""
    header, vector = read_direction(direction.file)
    unit = np.zeros((rows, len(vector)), np.float32)
    unit[list(header.rows)] = header.sigma * vector
    return unit


class RenderSequence(Stage):
    """The pictures of a sequence, by the head that inversions see."""

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=1.5)

    def load(
        self, generator: GeneratorWeights, heads: HeadWeights, context: Context
    ) -> RenderableGenerator:
        return load_generator(generator, heads, context)

    def run(self, loaded: RenderableGenerator, codes: Latents, context: Context) -> AlignedFaces:
        w_plus = torch.tensor(np.array(codes.w_plus), device=context.device)
        return AlignedFaces(
            track=codes.track,
            frame=np.array(codes.frame),
            joins_next=False,
            crops=render_256(loaded, w_plus),
        )
