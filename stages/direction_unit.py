"""The unit of a direction: how far the generator's own faces lie apart along it."""

import numpy as np
import torch

from stages.artifacts import F32, F64
from stages.networks.mobile_stylegan import MobileStyleGAN

UNIT_SAMPLES = 10_000


def drawn(model: MobileStyleGAN, seed: int, count: int = UNIT_SAMPLES) -> F64:
    """(count, style_dim) codes as the mapping network gives them, not pulled to the mean."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        w = model.mapping(torch.randn(count, model.shape.style_dim, generator=random))
    return np.asarray(w.numpy(), np.float64)


def mean_and_sigma(vector: F32 | F64, codes: F64) -> tuple[float, float]:
    """Mean and standard deviation of the codes' projections on a unit vector (style_dim,)."""
    projection = codes @ vector
    return float(projection.mean()), float(projection.std())
