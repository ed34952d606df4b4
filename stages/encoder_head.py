"""A head for 128, fitted to the 256 head's own output: training images at half the price.

The heads that ship are fitted to the full generator's output; this one only has to agree with a
head, needs a few seconds, and never leaves a training.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from stages.encoder_bank import MakeEncoderBank
from stages.fit_heads import haar
from stages.networks.encoder import complete
from stages.networks.rgb_head import RenderableGenerator, head_inputs

RIDGE = 1e-6
"""Of the diagonal's mean."""


@torch.no_grad()
def with_half_head(
    model: RenderableGenerator, size: int, samples: int = 32, seed: int = 2_000_000
) -> RenderableGenerator:
    """The generator with one head, for ``size // 2``: least squares to its images of ``size``.

    Args:
        model: renders at ``size``.
        size: twice the new head's.
        samples: faces that are fitted to.
        seed: of their codes.
    """
    generator, half = model.generator, size // 2
    codes = MakeEncoderBank(samples=samples, seed=seed).draw(generator)
    gram = cross = torch.zeros((), dtype=torch.float64)
    for code in torch.split(codes, 1):
        w_plus = complete(code.to(generator.constant), generator.shape)
        wanted = haar(F.interpolate(model(w_plus, size), (half, half), mode="area"))
        inputs = head_inputs(generator, generator.features(w_plus, half // 2), w_plus)
        rows = F.pad(_pixels(inputs), (0, 1), value=1.0)
        gram = gram + (rows.T @ rows).double().cpu()
        cross = cross + (rows.T @ _pixels(wanted)).double().cpu()
    ridge = RIDGE * gram.diagonal().mean() * torch.eye(len(gram), dtype=torch.float64)
    head = torch.linalg.solve(gram + ridge, cross).T.float().contiguous()
    found = RenderableGenerator(generator, {half: head.to(generator.constant)})
    return found.eval().requires_grad_(False)


def _pixels(maps: Tensor) -> Tensor:
    """(n, c, h, w) to (n h w, c)."""
    return maps.movedim(1, -1).flatten(0, 2)
