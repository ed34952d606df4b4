"""What the encoder is trained on: the losses of papers 002 and 004.

"Disentangled Style Encoding" (002, eq. 7 and 8) and "Fine-tuning GAN Encoders" (004, eq. 3 and 6):
``L_IMG = L(x, x') + mu1 L(AT1 x, AT1 x') + mu2 L(AT2 x, AT2 x')`` with
``L = 5 MSE + 3 COS + 2 LPIPS + (1 - SSIM)``, and ``L = L_IMG + 0.01 L_LV`` with latent terms
``5 MSE + 3 COS``. LPIPS is replaced by EfficientNet-lite0 feature distances (see
``stages.networks.perceptual``), scaled to LPIPS's range. Their KL term is computed but not added
in the published code, and left out here.

The two crops are taken of each term's *map*, not of the image: the same sums but for what reaches
a crop's border, at half the cost.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from stages.networks.perceptual import Perceptual

MSE, COS, PERCEPTUAL, SSIM = 5.0, 3.0, 2.0, 1.0
CROPS = ((1.0, 0.0, 0.0), (0.375, 0.0, 1 / 8), (0.625, 5 / 32, 5 / 32))
"""Weight, and the share cut off top and bottom, left and right: whole, AT1, AT2."""
LATENT = 0.01
PERCEPTUAL_SCALE = 0.1
PERCEPTUAL_SIZE = 128


def crop(maps: Tensor, vertical: float, horizontal: float) -> Tensor:
    """(..., h, w) without these shares of each side."""
    h, w = maps.shape[-2:]
    y, x = round(vertical * h), round(horizontal * w)
    return maps[..., y : h - y, x : w - x]


def over_crops(maps: Tensor) -> Tensor:
    """Weighted sum of the means over the three regions."""
    return torch.stack([weight * crop(maps, v, h).mean() for weight, v, h in CROPS]).sum()


def ssim_map(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of images in [-1, 1] at each pixel, (n, c, h - 10, w - 10).

    Wang et al. 2004: Gaussian window of 11 pixels and deviation 1.5, K1 = 0.01, K2 = 0.03.
    """
    c = a.shape[1]
    window = torch.exp(-(torch.arange(-5.0, 6.0, device=a.device) ** 2) / (2 * 1.5**2))
    window = (window / window.sum()).view(1, 1, 11, 1)
    parts = torch.cat((a, b, a * a, b * b, a * b), dim=1)
    kernel = window.expand(5 * c, 1, 11, 1)
    parts = F.conv2d(parts, kernel, groups=5 * c)
    parts = F.conv2d(parts, kernel.transpose(2, 3), groups=5 * c)
    ma, mb, aa, bb, ab = torch.split(parts, c, dim=1)
    va, vb, covariance = aa - ma * ma, bb - mb * mb, ab - ma * mb
    c1, c2 = (0.01 * 2) ** 2, (0.03 * 2) ** 2
    return ((2 * ma * mb + c1) * (2 * covariance + c2)) / (
        (ma * ma + mb * mb + c1) * (va + vb + c2)
    )


def cosine_distance(a: Tensor, b: Tensor) -> Tensor:
    """Mean of 1 - cosine between the flattened members of two batches."""
    return torch.as_tensor(1 - F.cosine_similarity(a.flatten(1), b.flatten(1)).mean())


def image_terms(found: Tensor, wanted: Tensor, perceptual: Perceptual) -> Tensor:
    """L_IMG of (n, 3, s, s) images in [-1, 1], a scalar."""
    loss = MSE * over_crops((found - wanted).square())
    for weight, v, h in CROPS:
        loss = loss + weight * COS * cosine_distance(crop(found, v, h), crop(wanted, v, h))
    loss = loss + SSIM * over_crops(1 - ssim_map(found, wanted))
    small = (PERCEPTUAL_SIZE, PERCEPTUAL_SIZE)
    with torch.no_grad():
        features = perceptual.features(F.interpolate(wanted, small, mode="area"))
    for a, b in zip(
        perceptual.features(F.interpolate(found, small, mode="area")), features, strict=True
    ):
        distance = (a - b).square().sum(dim=1)
        loss = loss + PERCEPTUAL * PERCEPTUAL_SCALE * over_crops(distance)
    return loss


def latent_terms(found: Tensor, wanted: Tensor) -> Tensor:
    """L_LV of codes (n, free rows, style_dim), a scalar."""
    mse = (found - wanted).square().mean()
    return 5 * mse + 3 * cosine_distance(found, wanted)
