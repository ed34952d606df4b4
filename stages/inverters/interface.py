"""What every inverter takes and gives.

An inverter is a frozen settings object. ``prepare`` is its work for a whole clip, once; ``invert``
its work for one window of consecutive crops. All of them see the same crops, flow, start and
networks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field

from pipeline.failure import MissingDependency
from pipeline.stage import Context
from stages.artifacts import F32, U8
from stages.frame_parallel import frame_threads
from stages.inversion_artifacts import AlignedFaces, Flow
from stages.joint_inversion import INVERSION_SIZE, Inverted, Inverter, to_tensor
from stages.networks.encoder import Encoder
from stages.objective import Weights

Progress = Callable[[int], None]


def silent(step: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Window:
    """Consecutive crops of one face, (n, 256, 256, 3) uint8 in ``faces``, and where to start.

    ``start``: (n, rows, style_dim).
    """

    faces: AlignedFaces
    flow: Flow
    start: F32

    @property
    def crops(self) -> U8:
        return self.faces.crops


@dataclass(frozen=True)
class Networks:
    """The generator with its losses, and the encoder where there is one."""

    inverter: Inverter
    encoder: Encoder | None = None

    def need_encoder(self, name: str) -> Encoder:
        """The encoder.

        Raises:
            MissingDependency: there is none.
        """
        if self.encoder is None:
            raise MissingDependency(f"The inverter {name} needs the encoder, and there is none.")
        return self.encoder


class InversionMethod(BaseModel):
    """Base of all inverters: the settings they share."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    needs_encoder: ClassVar[bool] = False

    steps: int = Field(default=40, ge=1)
    """Of the optimiser, for each window."""
    rate: float = Field(default=0.03, gt=0)
    """Learning rate of the codes."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = Weights()
    """Of the objective. An inverter takes of it what it knows."""

    def prepare(
        self, windows: Sequence[Window], networks: Networks, progress: Progress = silent
    ) -> Networks:
        """The networks as this inverter wants them for a clip."""
        return networks

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        """Codes of a window's crops."""
        raise NotImplementedError


def shown(inverter: Inverter, w_plus: F32, noise: Sequence[F32] = ()) -> U8:
    """(n, s, s, 3) what codes show, at the inversion's size."""
    codes = torch.tensor(w_plus, device=inverter.device)
    maps = [torch.tensor(each, device=inverter.device) for each in noise]

    def render(part: slice) -> torch.Tensor:
        with torch.no_grad():
            offsets = [each[part] for each in maps]
            return torch.as_tensor(inverter.generator(codes[part], INVERSION_SIZE, offsets))

    with frame_threads(inverter.device) as threads:
        images = torch.cat(threads.each(render, threads.parts(len(codes))))
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1)
    return np.asarray(pixels.cpu().numpy(), np.uint8)


def as_found(inverter: Inverter, w_plus: F32, crops: U8, steps: int = 0) -> Inverted:
    """Codes that were not optimised, with their PSNR."""
    images = to_tensor(shown(inverter, w_plus), "cpu")
    mse = (images - to_tensor(crops, "cpu")).square().mean(dim=(1, 2, 3))
    psnr = np.asarray((10 * torch.log10(4 / mse)).numpy(), np.float32)
    return Inverted(w_plus, psnr, (), steps)
