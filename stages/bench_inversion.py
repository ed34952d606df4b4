"""Stage: one inverter on the first windows of a clip, timed."""

import time
from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8, check
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.inversion_artifacts import AlignedFaces, Encoded, Flow
from stages.inverters.choice import AnyMethod
from stages.inverters.interface import Networks, Window, shown
from stages.inverters.joint import Joint
from stages.joint_inversion import Inverted, Precision, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights


@dataclass(frozen=True)
class InversionRun(Artifact):
    """What an inverter made of the first windows, one after the other.

    ``w_plus``: (n, rows, style_dim) of all their frames. ``images``: (n, 256, 256, 3) uint8 that
    the codes, and the noise where it was solved for, show. ``seconds``: by the clock, without
    loading and rendering; ``cpu_seconds``: of all threads. ``steps``: taken, a window each.
    ``noise``: (n, k) all noise maps of a frame, flattened, for the layers with ``noise_sizes``.
    """

    seconds: float
    cpu_seconds: float
    steps: tuple[int, ...]
    w_plus: F32 = field(repr=False)
    images: U8 = field(repr=False)
    noise: F32 = field(repr=False)
    noise_sizes: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.w_plus)
        check(len(self.images) == n, f"{len(self.images)} images of {n} codes")
        check(len(self.noise) == n, f"{len(self.noise)} noises of {n} codes")

    def noise_maps(self) -> list[F32]:
        """(n, 1, s, s) for each layer."""
        ends = np.cumsum([side * side for side in self.noise_sizes])[:-1]
        parts = np.split(np.array(self.noise), ends, axis=1) if self.noise_sizes else []
        return [
            part.reshape(-1, 1, side, side)
            for part, side in zip(parts, self.noise_sizes, strict=True)
        ]


class RunInverter(Stage):
    """Inverts the first windows, each from the same start for every inverter."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    method: AnyMethod = Joint()
    """The inverter and its settings."""
    windows: int = Field(default=2, ge=1)
    """How many windows, from the first."""
    precision: Precision = "fp32"
    """Of the generator's features while it is inverted; what is found is shown in fp32."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
        encoder: EncoderWeights | None = None,
    ) -> Networks:
        inverter = load_inverter(generator, heads, perceptual, context)
        if encoder is None:
            return Networks(inverter)
        return Networks(inverter, load_encoder(encoder.file, generator.name, context.device))

    def run(
        self,
        loaded: Networks,
        faces: list[AlignedFaces],
        flow: list[Flow],
        start: list[Encoded],
        context: Context,
    ) -> InversionRun:
        """Raises MissingDependency when the inverter needs an encoder and there is none."""
        every = zip(faces, flow, start, strict=True)
        windows = [Window(f, along, s.w_plus) for f, along, s in every][: self.windows]
        total = (len(windows) + 1) * self.method.steps
        given = loaded
        if self.precision == "bf16":
            renders = loaded.inverter.generator.in_bf16()
            given = replace(loaded, inverter=replace(loaded.inverter, generator=renders))
        clock, cpu = time.perf_counter(), time.process_time()
        networks = self.method.prepare(windows, given, lambda step: context.progress(step, total))
        found: list[Inverted] = []
        for done, window in enumerate(windows):
            before = (done + 1) * self.method.steps
            found.append(
                self.method.invert(
                    window,
                    networks,
                    context,
                    lambda step, before=before: context.progress(before + step, total),  # type: ignore[misc]
                )
            )
        clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
        images = [shown(loaded.inverter, each.w_plus, each.noise) for each in found]
        return InversionRun(
            seconds=clock,
            cpu_seconds=cpu,
            steps=tuple(each.steps for each in found),
            w_plus=np.concatenate([each.w_plus for each in found]),
            images=np.concatenate(images),
            noise=np.concatenate([_flat(each) for each in found]),
            noise_sizes=tuple(each.shape[-1] for each in found[0].noise),
        )


def _flat(found: Inverted) -> F32:
    n = len(found.w_plus)
    empty = np.zeros((n, 0), np.float32)
    return np.concatenate([empty, *(each.reshape(n, -1) for each in found.noise)], axis=1)
