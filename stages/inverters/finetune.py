"""Fine-tuned encoder ("Fine-tuning GAN Encoders", paper 004): its weights are what is optimised.

The paper does this for each image anew, half an hour of a GPU each. Here it is done once for the
clip, on the frames of all windows, with as many passes of the generator as the other inverters
take: ``steps`` for each window.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from pipeline.stage import Context
from stages.encode import encode
from stages.encoder_loss import LATENT, image_terms, latent_terms
from stages.frame_parallel import frame_threads
from stages.inverters.interface import (
    InversionMethod,
    Networks,
    Progress,
    Window,
    as_found,
    silent,
)
from stages.joint_inversion import INVERSION_SIZE, Inverted, to_tensor


class FineTune(InversionMethod):
    """L_IMG + 0.01 L_LV (papers 002 and 004), the latent term between ``w`` and ``E(G(w))``."""

    needs_encoder: ClassVar[bool] = True

    name: Literal["finetune"] = "finetune"
    encoder_rate: float = Field(default=1e-4, gt=0)
    """Learning rate of the encoder's weights (the paper's 0.005 is of equalised layers)."""

    def prepare(
        self, windows: Sequence[Window], networks: Networks, progress: Progress = silent
    ) -> Networks:
        """A copy of the encoder, fine-tuned on the windows in turn."""
        encoder = deepcopy(networks.need_encoder(self.name)).requires_grad_(True)
        parameters = list(encoder.parameters())
        adam = torch.optim.Adam(parameters, lr=self.encoder_rate, betas=(0.0, 0.99))
        free = networks.inverter.free_rows
        device = networks.inverter.device

        def gradients(target: Tensor) -> tuple[Tensor, ...]:
            codes = encoder(target)
            images = networks.inverter.generator(codes, INVERSION_SIZE)
            loss = image_terms(images, target, networks.inverter.perceptual)
            loss = loss + LATENT * latent_terms(encoder(images)[:, free], codes[:, free])
            return torch.autograd.grad(loss * len(target), parameters)

        targets = [to_tensor(window.crops, device) for window in windows]
        with frame_threads(device) as threads:
            for step in range(self.steps):
                for batch in targets:
                    parts = [batch[part] for part in threads.parts(len(batch))]
                    found = threads.each(gradients, parts)
                    for parameter, *grads in zip(parameters, *found, strict=True):
                        parameter.grad = torch.stack(grads).sum(dim=0) / len(batch)
                    adam.step()
                progress(step + 1)
        return Networks(networks.inverter, encoder.requires_grad_(False))

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        codes = encode(networks.need_encoder(self.name), window.crops, networks.inverter.device)
        return as_found(networks.inverter, codes, window.crops, self.steps)
