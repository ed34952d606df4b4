"""Fit the RGB heads for 256 and 512 to a generator."""

import hashlib
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional as F

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import GeneratorWeights, HeadWeights
from stages.networks.mobile_stylegan import MobileStyleGAN, load_mobile_stylegan
from stages.networks.rgb_head import WIDTHS, RGBHead, late_rows


def sample_w_plus(
    model: MobileStyleGAN, count: int, spread: float, random: torch.Generator
) -> Tensor:
    """Codes like those an inversion ends at: a truncated sample, its rows apart by ``spread``.

    As in an inversion, rows that act only after the smallest head's features follow the mean of
    those before.

    Returns:
        (count, rows, style_dim).
    """
    s = model.shape
    late = late_rows(s, min(WIDTHS) // 2)
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


@dataclass(frozen=True)
class Chunk:
    """Fresh samples: codes, and by head size the features it reads and the image it must give."""

    w_plus: Tensor
    features: dict[int, Tensor]
    targets: dict[int, Tensor]

    def patches(
        self, size: int, batch: int, side: int, random: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Random patches: features (b, c, side, side), codes, images (b, 3, 2 side, 2 side)."""
        pick = torch.randint(len(self.w_plus), (batch,), generator=random)
        corner = torch.randint(size // 2 - side + 1, (batch, 2), generator=random)
        inner, outer = [], []
        for i, (y, x) in zip(pick.tolist(), corner.tolist(), strict=True):
            inner.append(self.features[size][i, :, y : y + side, x : x + side])
            outer.append(self.targets[size][i, :, 2 * y : 2 * (y + side), 2 * x : 2 * (x + side)])
        return torch.stack(inner), self.w_plus[pick], torch.stack(outer)


@torch.no_grad()
def render_chunk(model: MobileStyleGAN, w_plus: Tensor) -> Chunk:
    """One full pass a code; the inner features are taken on the way."""
    features: dict[int, list[Tensor]] = {size: [] for size in WIDTHS}
    targets: dict[int, list[Tensor]] = {size: [] for size in WIDTHS}
    for code in w_plus.chunk(len(w_plus)):
        maps = {m.shape[-1]: m for m in model.pyramid(code, model.shape.size // 2)}
        full = model.image(maps[model.shape.size // 2], code)
        for size in WIDTHS:
            features[size].append(maps[size // 2])
            targets[size].append(F.interpolate(full, (size, size), mode="area"))
    return Chunk(
        w_plus,
        {size: torch.cat(f) for size, f in features.items()},
        {size: torch.cat(t) for size, t in targets.items()},
    )


def haar(image: Tensor) -> Tensor:
    """Forward Haar transform: (n, 3, 2h, 2w) to (n, 12, h, w), in the order the heads use."""
    a, b = image[:, :, 0::2, 0::2], image[:, :, 0::2, 1::2]
    c, d = image[:, :, 1::2, 0::2], image[:, :, 1::2, 1::2]
    low = (a + b + c + d) / 2
    high = torch.stack((a + b - c - d, a - b + c - d, a - b - c + d), dim=2) / 2
    return torch.cat((low, high.flatten(1, 2)), dim=1)


def linear_head(features: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Least squares from features (n, c, s, s) to wavelet coefficients: (12, c), (12,)."""
    rows = features.movedim(1, -1).flatten(0, 2)
    rows = torch.cat((rows, torch.ones(len(rows), 1)), dim=1)
    wanted = haar(targets).movedim(1, -1).flatten(0, 2)
    gram = rows.T @ rows
    gram += 1e-5 * gram.diagonal().mean() * torch.eye(len(gram))
    solution = torch.linalg.solve(gram, rows.T @ wanted)
    return solution[:-1].T, solution[-1]


class FitHeads(Stage):
    """Distil the full output, area-downsampled, into one small head per size.

    Each starts as the least-squares linear head and is trained on patches of fresh samples (MSE,
    Adam). Samples come in chunks, so nothing is seen for long and memory is bounded by a chunk.
    """

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=4)

    chunks: int = Field(default=24, gt=0)
    """Chunks of fresh samples."""
    samples: int = Field(default=12, gt=1)
    """Samples a chunk."""
    steps: int = Field(default=150, gt=0)
    """Adam steps a chunk and head."""
    batch: int = Field(default=8, gt=0)
    """Patches a step."""
    side: int = Field(default=32, gt=0)
    """Side of a patch, in feature pixels."""
    rate: float = Field(default=2e-3, gt=0)
    """First learning rate; it falls to a fiftieth along a cosine."""
    spread: float = Field(default=0.3, ge=0)
    """How far the rows of a W+ sample lie apart, in deviations from the mean latent."""
    seed: int = 0
    """Of the samples."""

    def run(self, generator: GeneratorWeights, context: Context) -> HeadWeights:
        if context.threads:
            torch.set_num_threads(context.threads)
        torch.manual_seed(self.seed)
        random = torch.Generator().manual_seed(self.seed)
        model = load_mobile_stylegan(generator.folder)
        heads = {size: RGBHead(model.shape, size, width) for size, width in WIDTHS.items()}
        adams = {size: torch.optim.Adam(h.parameters(), lr=self.rate) for size, h in heads.items()}
        total = self.chunks * self.steps
        for chunk in range(self.chunks):
            fresh = render_chunk(model, sample_w_plus(model, self.samples, self.spread, random))
            if chunk == 0:
                for size, head in heads.items():
                    head.start_linear(*linear_head(fresh.features[size], fresh.targets[size]))
            for step in range(self.steps):
                done = chunk * self.steps + step
                rate = self.rate * (0.02 + 0.49 * (1 + math.cos(math.pi * done / total)))
                for size, head in heads.items():
                    adams[size].param_groups[0]["lr"] = rate
                    features, codes, wanted = fresh.patches(size, self.batch, self.side, random)
                    loss = F.mse_loss(head(features, codes), wanted)
                    adams[size].zero_grad()
                    loss.backward()  # type: ignore[no-untyped-call]
                    adams[size].step()
                context.progress(done + 1, total)
        psnr = self._held_back(model, heads)
        file = context.scratch / "heads.safetensors"
        save_file(
            {
                f"{size}.{k}": v.half()
                for size, h in heads.items()
                for k, v in h.state_dict().items()
            },
            file,
            metadata={"generator": generator.name, "psnr": str(psnr)},
        )
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return HeadWeights(file=file, sha256=digest, generator=generator.name, psnr=psnr)

    @torch.no_grad()
    def _held_back(
        self, model: MobileStyleGAN, heads: dict[int, RGBHead]
    ) -> tuple[tuple[int, float], ...]:
        """PSNR on fresh samples; the peak-to-peak range of an image is 2."""
        random = torch.Generator().manual_seed(self.seed + 1)
        fresh = render_chunk(model, sample_w_plus(model, 16, self.spread, random))
        mse = {
            s: F.mse_loss(h(fresh.features[s], fresh.w_plus), fresh.targets[s])
            for s, h in heads.items()
        }
        return tuple((size, round(float(10 * torch.log10(4 / m)), 2)) for size, m in mse.items())
