"""In-domain inversion (Zhu et al. 2020): the encoder keeps the code where it would put the image.

Eq. 6: ``|x - G(w)|^2 + perceptual + lambda |w - E(G(w))|^2``, started from the encoder.
"""

from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.stage import Context
from stages.coupling import Coupling
from stages.inverters.interface import InversionMethod, Networks, Progress, Window, silent
from stages.joint_inversion import Inverted, invert_jointly


class InDomain(InversionMethod):
    """Each frame by itself, with the encoder as a regulariser."""

    needs_encoder: ClassVar[bool] = True

    name: Literal["in-domain"] = "in-domain"
    domain: float = Field(default=2.0, ge=0)
    """Weight of the encoder's term, the published code's; a mean over the rows that act."""

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        encoder = networks.need_encoder(self.name)
        free = networks.inverter.free_rows

        def outside(images: Tensor, w_plus: Tensor) -> Tensor:
            apart = (w_plus - encoder(images))[:, free]
            return torch.as_tensor(self.domain * apart.square().mean(dim=(1, 2)).sum())

        return invert_jointly(
            networks.inverter,
            window.crops,
            window.start,
            None,
            self.weights.model_copy(update={"consistency": 0.0, "spread": 0.0, "step": 0.0}),
            steps=self.steps,
            rate=self.rate,
            perceptual_size=self.perceptual_size,
            coupling=Coupling(access="none", consistency="none"),
            term=outside,
            progress=progress,
        )
