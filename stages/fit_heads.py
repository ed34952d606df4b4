"""Stage: fit the RGB heads for 128, 256 and 512 to a generator."""

import hashlib
from collections.abc import Iterator
from typing import ClassVar

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from pipeline.stage import Context, Resources, Stage
from stages.joint_inversion import INVERSION_SIZE
from stages.network_weights import GeneratorWeights, HeadWeights
from stages.networks.mobile_stylegan import MobileStyleGAN, load_mobile_stylegan
from stages.networks.rgb_head import SIZES, RenderableGenerator, head_inputs, late_rows


def sample_w_plus(
    model: MobileStyleGAN, count: int, spread: float, random: torch.Generator
) -> Tensor:
    """Codes like those an inversion ends at: a truncated sample, its rows apart by ``spread``.

    As in an inversion, rows that act only after the features it ends at follow the mean of those
    before.

    Returns:
        (count, rows, style_dim).
    """
    s = model.shape
    late = late_rows(s, INVERSION_SIZE // 2)
    free = [row for row in s.active_rows if row not in late]
    mean = model.mean_latent()
    z = torch.randn(count, s.style_dim, generator=random)
    psi = torch.empty(count, 1).uniform_(0.5, 1.0, generator=random)
    w = mean + psi * (model.mapping(z) - mean)
    other = model.mapping(torch.randn(count * len(free), s.style_dim, generator=random)) - mean
    codes = w[:, None] + spread * other.reshape(count, len(free), s.style_dim)
    w_plus = codes.mean(dim=1, keepdim=True).repeat(1, s.rows, 1)
    w_plus[:, free] = codes
    return torch.as_tensor(w_plus)


def haar(image: Tensor) -> Tensor:
    """Forward Haar transform: (n, 3, 2h, 2w) to (n, 12, h, w), in the order the heads use."""
    a, b = image[:, :, 0::2, 0::2], image[:, :, 0::2, 1::2]
    c, d = image[:, :, 1::2, 0::2], image[:, :, 1::2, 1::2]
    low = (a + b + c + d) / 2
    high = torch.stack((a + b - c - d, a - b + c - d, a - b - c + d), dim=2) / 2
    return torch.cat((low, high.flatten(1, 2)), dim=1)


def samples_of(model: MobileStyleGAN, w_plus: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
    """One full pass a code. Yields, for each head: its size, its inputs, the image it must give."""
    for code in w_plus.chunk(len(w_plus)):
        maps = {m.shape[-1]: m for m in model.pyramid(code, model.shape.size // 2)}
        # What a screen cannot show need not be matched, but should stay outside the range.
        full = model.image(maps[model.shape.size // 2], code).clamp(-1.2, 1.2)
        for size in SIZES:
            target = F.interpolate(full, (size, size), mode="area")
            yield size, head_inputs(model, maps[size // 2], code), target


class FitHeads(Stage):
    """Least squares from a head's inputs to the wavelet coefficients of the downsampled output."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=2)

    samples: int = Field(default=96, gt=1)
    """Codes the fit sees."""
    held_back: int = Field(default=16, gt=0)
    """Fresh codes the result is measured on."""
    spread: float = Field(default=0.2, ge=0)
    """How far the rows of a W+ sample lie apart, in deviations from the mean latent."""
    penalty: float = Field(default=1e-6, ge=0)
    """Added to the diagonal, in its own mean."""
    seed: int = 0
    """Of the samples."""

    @torch.no_grad()
    def run(self, generator: GeneratorWeights, context: Context) -> HeadWeights:
        if context.threads:
            torch.set_num_threads(context.threads)
        model = load_mobile_stylegan(generator.folder)
        random = torch.Generator().manual_seed(self.seed)
        gram: dict[int, Tensor] = {}
        cross: dict[int, Tensor] = {}
        codes = sample_w_plus(model, self.samples, self.spread, random)
        for done, (size, inputs, target) in enumerate(samples_of(model, codes)):
            rows = inputs.movedim(1, -1).flatten(0, 2)
            rows = torch.cat((rows, torch.ones(len(rows), 1)), dim=1)
            wanted = haar(target).movedim(1, -1).flatten(0, 2)
            gram[size] = gram.get(size, torch.zeros(())) + (rows.T @ rows).double()
            cross[size] = cross.get(size, torch.zeros(())) + (rows.T @ wanted).double()
            context.progress(done // len(SIZES) + 1, self.samples)
        heads = {}
        for size, square in gram.items():
            ridge = self.penalty * square.diagonal().mean() * torch.eye(len(square))
            heads[size] = torch.linalg.solve(square + ridge, cross[size]).T.float().contiguous()
        psnr = self._held_back(model, heads)
        file = context.scratch / "heads.safetensors"
        save_file(
            {str(size): head for size, head in heads.items()},
            file,
            metadata={"generator": generator.name},
        )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return HeadWeights(file=file, sha256=digest, generator=generator.name, psnr=psnr)

    def _held_back(
        self, model: MobileStyleGAN, heads: dict[int, Tensor]
    ) -> tuple[tuple[int, float], ...]:
        """PSNR of what a screen shows on fresh samples; the range is 2."""
        random = torch.Generator().manual_seed(self.seed + 1)
        codes = sample_w_plus(model, self.held_back, self.spread, random)
        render = RenderableGenerator(model, heads)
        error = dict.fromkeys(heads, 0.0)
        for i, (size, _, target) in enumerate(samples_of(model, codes)):
            image = render(codes[i // len(SIZES)][None], size).clamp(-1, 1)
            error[size] += float((image - target.clamp(-1, 1)).square().mean()) / len(codes)
        return tuple(
            (s, round(float(-10 * torch.tensor(e / 4).log10()), 2)) for s, e in error.items()
        )
