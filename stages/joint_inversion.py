"""Joint inversion of consecutive frames: one base code and learned steps in W+.

"From Continuity to Editability: Inverting GANs with Consecutive Images" (ICCV 2021), eq. 3, the
mutually accessible constraint: ``w_i = w_1 + n_1 + ... + n_{i-1}``. Base and steps both live in
W+: steps in W alone cannot follow an expression (design notes).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pipeline.failure import MissingDependency
from pipeline.stage import Context
from stages.artifacts import F32, U8, GeneratorWeights, HeadWeights, PerceptualWeights
from stages.frame_parallel import FrameThreads, frame_threads
from stages.networks.mobile_stylegan import load_mobile_stylegan
from stages.networks.perceptual import Perceptual
from stages.networks.rgb_head import RenderableGenerator, late_rows, load_heads
from stages.objective import Objective, Pairs, Weights

INVERSION_SIZE = 256
STEP_RATE = 0.4
"""Learning rate of the steps, as a share of the base's: they add up along a window."""


@dataclass(frozen=True)
class Inverter:
    """The networks that an inversion needs, on their device."""

    generator: RenderableGenerator
    perceptual: Perceptual
    device: str

    @property
    def free_rows(self) -> list[int]:
        """Rows of W+ that shape the features an inversion sees. The later ones only tint."""
        shape = self.generator.generator.shape
        late = late_rows(shape, INVERSION_SIZE // 2)
        return [row for row in shape.active_rows if row not in late]

    def mean_code(self) -> F32:
        """(rows, style_dim): the mean latent in every row."""
        model = self.generator.generator
        return np.asarray(model.broadcast(model.mean_latent()[None])[0].cpu().numpy(), np.float32)

    def complete(self, free: Tensor) -> Tensor:
        """Codes (n, free rows, style_dim) to w_plus: every other row is the mean of the free ones.

        Left to themselves, under Adam, rows that hardly act drift as far as those that do, and
        the full-size picture takes on a tint that the 256 head never showed.
        """
        mean = free.mean(dim=1, keepdim=True)
        w_plus = mean.repeat(1, self.generator.generator.shape.rows, 1)
        w_plus[:, self.free_rows] = free
        return w_plus


def load_generator(
    generator: GeneratorWeights, heads: HeadWeights, context: Context
) -> RenderableGenerator:
    """The default generator with its heads, frozen, on the context's device and threads.

    Raises:
        MissingDependency: the heads were fitted to another generator.
    """
    if heads.generator != generator.name:
        raise MissingDependency(
            f"The RGB heads belong to the generator {heads.generator}, not to {generator.name}."
        )
    if context.threads:
        torch.set_num_threads(context.threads)
    model = load_mobile_stylegan(generator.folder)
    return load_heads(model, heads.file).to(context.device)


def load_inverter(
    generator: GeneratorWeights,
    heads: HeadWeights,
    perceptual: PerceptualWeights,
    context: Context,
) -> Inverter:
    """Read all networks of an inversion from their files."""
    return Inverter(
        load_generator(generator, heads, context),
        Perceptual(perceptual.folder).to(context.device),
        context.device,
    )


@dataclass(frozen=True)
class Inverted:
    """``w_plus``: (n, rows, style_dim). ``psnr``: (n,) dB at 256."""

    w_plus: F32
    psnr: F32


def to_tensor(crops: U8, device: str) -> Tensor:
    """(n, s, s, 3) uint8 to (n, 3, s, s) in [-1, 1]."""
    return torch.tensor(crops, device=device).permute(0, 3, 1, 2).float() / 127.5 - 1


def invert_jointly(
    inverter: Inverter,
    crops: U8,
    start: F32,
    pairs: Pairs | None,
    weights: Weights,
    *,
    steps: int,
    rate: float,
    perceptual_size: int,
    fixed: Sequence[int] = (),
    progress: Callable[[int], None] = lambda step: None,
) -> Inverted:
    """Minimise the objective over the base code and the steps of a window.

    Args:
        crops: (n, 256, 256, 3) uint8.
        start: (n, rows, style_dim) codes to start from; frames in ``fixed`` keep theirs.
        pairs: flow between neighbours, None where frames are not neighbours.
        steps: of Adam, with a cosine fall of the learning rate ``rate``.
        fixed: frames whose codes other windows have decided. They carry consistency, not change.
    """
    with frame_threads(inverter.device) as threads:
        window = _Window(inverter, crops, start, pairs, weights, perceptual_size, fixed, threads)
        return window.solve(steps, rate, progress)


class _Window:
    """What stays the same over the steps of one inversion."""

    def __init__(
        self,
        inverter: Inverter,
        crops: U8,
        start: F32,
        pairs: Pairs | None,
        weights: Weights,
        perceptual_size: int,
        fixed: Sequence[int],
        threads: FrameThreads,
    ) -> None:
        device = inverter.device
        self.inverter = inverter
        self.threads = threads
        self.start = torch.tensor(start, device=device)
        self.given = self.start[:, inverter.free_rows]
        self.targets = to_tensor(crops, device)
        self.objective = Objective(
            self.targets, inverter.perceptual, pairs, weights, perceptual_size
        )
        self.fixed = list(fixed)
        self.moving = [i for i in range(len(crops)) if i not in fixed]
        self.free = torch.ones(len(crops), device=device)
        self.free[self.fixed] = 0
        # Fixed frames are rendered once, without gradient.
        self.still = self._shown(inverter.complete(self.given)) if fixed else None

    def solve(self, steps: int, rate: float, progress: Callable[[int], None]) -> Inverted:
        # Steps lead from frame to frame; a fixed first frame is the base itself.
        path = self.moving if 0 not in self.fixed else [0, *self.moving]
        base = self.given[path[:1]].clone().requires_grad_(0 not in self.fixed)
        deltas = self.given[path].diff(dim=0).clone().requires_grad_(True)
        parameters = [{"params": [deltas], "lr": rate * STEP_RATE}] if len(deltas) else []
        if base.requires_grad:
            parameters.append({"params": [base], "lr": rate})
        adam = torch.optim.Adam(parameters, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps, eta_min=rate * 0.05)

        def current() -> Tensor:
            solved = torch.cat((base, base + deltas.cumsum(0))) if len(deltas) else base
            whole = self.given.clone()
            whole[path] = solved
            return whole

        for step in range(steps):
            adam.zero_grad()
            self._backward(current())
            adam.step()
            falling.step()
            progress(step + 1)
        with torch.no_grad():
            w_plus = self.inverter.complete(current())
            # To the bit: a mean over rows taken in another batch may round otherwise.
            w_plus[self.fixed] = self.start[self.fixed]
            mse = (self._shown(w_plus).clamp(-1, 1) - self.targets).square().mean(dim=(1, 2, 3))
            psnr = 10 * torch.log10(4 / mse)
        return Inverted(
            np.asarray(w_plus.cpu().numpy(), np.float32), np.asarray(psnr.cpu().numpy(), np.float32)
        )

    def _backward(self, codes: Tensor) -> None:
        """Gradients of the objective into what ``codes`` (n, free rows, style_dim) come from.

        Frames are rendered apart, meet in the consistency term, and go back apart.
        """
        w_plus = self.inverter.complete(codes[self.moving])
        parts = self.threads.parts(len(self.moving))
        leaves = [w_plus[part].detach().requires_grad_(True) for part in parts]

        def forward(k: int) -> tuple[Tensor, Tensor]:
            images = self.inverter.generator(leaves[k], INVERSION_SIZE)
            loss = self.objective.of_frames(images, self.moving[parts[k]])
            return images, loss / len(self.moving)

        rendered = self.threads.each(forward, range(len(parts)))
        pulls = self._pulls([images for images, _ in rendered])

        def backward(k: int) -> Tensor:
            (images, loss), pull = rendered[k], pulls[k]
            outputs, grads = ([loss], [None]) if pull is None else ([loss, images], [None, pull])
            (grad,) = torch.autograd.grad(outputs, [leaves[k]], grads)
            return grad

        grads = torch.cat(self.threads.each(backward, range(len(parts))))
        torch.autograd.backward([w_plus, self.objective.of_codes(codes, self.free)], [grads, None])

    def _pulls(self, images: list[Tensor]) -> list[Tensor] | list[None]:
        """The consistency term's gradient at each part's images."""
        leaf = torch.cat([part.detach() for part in images]).requires_grad_(True)
        whole = leaf
        if self.still is not None:
            whole = self.still.clone()
            whole[self.moving] = leaf
        loss = self.objective.across_frames(whole)
        if loss is None:
            return [None] * len(images)
        (grad,) = torch.autograd.grad(loss, leaf)
        return [grad[part] for part in self.threads.parts(len(leaf))]

    def _shown(self, w_plus: Tensor) -> Tensor:
        """Images of codes, without gradient."""

        def render(part: slice) -> Tensor:
            with torch.no_grad():
                return torch.as_tensor(self.inverter.generator(w_plus[part], INVERSION_SIZE))

        return torch.cat(self.threads.each(render, self.threads.parts(len(w_plus))))
