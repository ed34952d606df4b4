"""Joint inversion of consecutive frames: one base code and learned steps in W+.

"From Continuity to Editability: Inverting GANs with Consecutive Images" (ICCV 2021), eq. 12: the
objective (``stages.objective``) is minimised over what the codes are made of
(``stages.code_steps``). ``Coupling`` switches the parts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from pipeline.failure import MissingDependency
from pipeline.stage import Context
from stages.artifacts import F32, U8
from stages.code_steps import CodeSteps
from stages.coupling import Coupling
from stages.frame_parallel import FrameThreads, frame_threads
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.mobile_stylegan import load_mobile_stylegan
from stages.networks.perceptual import Perceptual
from stages.networks.rgb_head import RenderableGenerator, late_rows, load_heads
from stages.noise_maps import NoiseMaps, noise_sizes
from stages.objective import Objective, Pairs, Weights, resized

INVERSION_SIZE = 256
Precision = Literal["fp32", "bf16"]
"""Of the generator's features: bf16 is faster where the processor has it. Codes, images, losses and
the optimiser's state are float32 in both."""
FrameTerm = Callable[[Tensor, Tensor], Tensor]
"""Renders (k, 3, s, s) and their codes (k, rows, style_dim) to a loss summed over the k frames."""


@dataclass(frozen=True)
class Inverter:
    """The networks that an inversion needs, on their device."""

    generator: RenderableGenerator
    perceptual: Perceptual
    device: str

    @property
    def free_rows(self) -> list[int]:
        """Rows of W+ that shape the features an inversion sees. The later ones only tint."""
        return self.rows_at(INVERSION_SIZE)

    def rows_at(self, size: int) -> list[int]:
        """Rows of W+ that shape the features of a picture of that size."""
        shape = self.generator.generator.shape
        late = late_rows(shape, size // 2)
        return [row for row in shape.active_rows if row not in late]

    @cached_property
    def axes(self) -> Tensor:
        """The generator's ``principal_axes``, taken once."""
        return self.generator.generator.principal_axes()

    def mean_code(self) -> F32:
        """(rows, style_dim): the mean latent in every row."""
        model = self.generator.generator
        return np.asarray(model.broadcast(model.mean_latent()[None])[0].cpu().numpy(), np.float32)

    def complete(self, free: Tensor, size: int | None = None) -> Tensor:
        """Codes (n, free rows, style_dim) to w_plus: every other row is the mean of the free ones.

        Free are the rows at ``size``, None for the inversion's.

        Left to themselves, under Adam, rows that hardly act drift as far as those that do, and
        the full-size picture takes on a tint that the 256 head never showed.
        """
        mean = free.mean(dim=1, keepdim=True)
        w_plus = mean.repeat(1, self.generator.generator.shape.rows, 1)
        w_plus[:, self.rows_at(size or INVERSION_SIZE)] = free
        return w_plus


def load_generator(
    generator: GeneratorWeights,
    heads: HeadWeights,
    context: Context,
    precision: Precision = "fp32",
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
    model = load_heads(load_mobile_stylegan(generator.folder), heads.file).to(context.device)
    return model.in_bf16() if precision == "bf16" else model


def load_inverter(
    generator: GeneratorWeights,
    heads: HeadWeights,
    perceptual: PerceptualWeights,
    context: Context,
    precision: Precision = "fp32",
) -> Inverter:
    """Read all networks of an inversion from their files."""
    return Inverter(
        load_generator(generator, heads, context, precision),
        Perceptual(perceptual.folder).to(context.device),
        context.device,
    )


@dataclass(frozen=True)
class Inverted:
    """``w_plus``: (n, rows, style_dim). ``psnr``: (n,) dB at the size that was asked for.

    ``noise``: offsets of the first layers' noise, each (n, 1, s, s); empty unless asked for.
    ``steps``: of Adam that were taken.
    """

    w_plus: F32
    psnr: F32
    noise: tuple[F32, ...] = field(default=(), repr=False)
    steps: int = 0


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
    size: int | None = None,
    fixed: Sequence[int] = (),
    together: bool = False,
    coupling: Coupling = Coupling(),  # noqa: B008  # frozen
    term: FrameTerm | None = None,
    progress: Callable[[int], None] = lambda step: None,
) -> Inverted:
    """Minimise the objective over the base code and the steps of a window.

    Args:
        crops: (n, 256, 256, 3) uint8.
        start: (n, rows, style_dim) codes to start from; frames in ``fixed`` keep theirs.
        pairs: flow between frames, None where it says nothing of them.
        steps: of Adam, with a cosine fall of the learning rate ``rate``.
        size: at which renders are compared with the crops, and whose rows are solved for; None for
            256. The generator needs a head for it.
        fixed: frames whose codes other windows have decided. They carry consistency, not change.
        together: only the base is solved for: all frames move by one and the same offset.
        coupling: how frames hold together, and when to stop before all steps are taken.
        term: one more term of the objective, of each frame by itself.
    """
    with frame_threads(inverter.device) as threads:
        window = _Window(
            inverter,
            crops,
            start,
            pairs,
            weights,
            perceptual_size,
            size or INVERSION_SIZE,
            fixed,
            threads,
            coupling,
            term,
        )
        return window.solve(steps, rate, together, progress)


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
        size: int,
        fixed: Sequence[int],
        threads: FrameThreads,
        coupling: Coupling = Coupling(),  # noqa: B008  # frozen
        term: FrameTerm | None = None,
    ) -> None:
        device = inverter.device
        self.inverter = inverter
        self.threads = threads
        self.start = torch.tensor(start, device=device)
        self.size = size
        self.given = self.start[:, inverter.rows_at(size)]
        self.targets = resized(to_tensor(crops, device), size)
        self.objective = Objective(
            self.targets, inverter.perceptual, pairs, weights, perceptual_size, coupling.consistency
        )
        self.coupling = coupling
        self.term = term
        self.fixed = list(fixed)
        self.moving = [i for i in range(len(crops)) if i not in fixed]
        self.free = torch.ones(len(crops), device=device)
        self.free[self.fixed] = 0
        shape = inverter.generator.generator.shape
        sizes = noise_sizes(shape, size // 2) if coupling.noise else []
        self.noise = NoiseMaps(sizes, len(crops), device)
        # Fixed frames are rendered once, without gradient.
        self.still = self._shown(inverter.complete(self.given, size)) if fixed else None

    def solve(
        self, steps: int, rate: float, together: bool, progress: Callable[[int], None]
    ) -> Inverted:
        how = self.coupling
        # A start in W, such as the mean latent, says nothing of how rows differ. One that does is
        # near, and what it lacks is mostly not in W: on three clips sharing took from it.
        in_w = torch.equal(self.given, self.given[:, :1].expand_as(self.given))
        shared = how.shared_rate > 0 and in_w
        codes = CodeSteps(
            self.given,
            self.fixed,
            how.access,
            how.anchor,
            together=together,
            axes=self.inverter.axes if how.axes == "principal" else None,
            shared=shared,
        )
        rates = (how.row_rate, how.shared_rate) if shared else (1.0, 0.0)
        parameters = codes.parameters(rate, how.step_rate, *rates)
        if self.noise.maps:
            share = rate * self.coupling.noise_rate
            parameters.append({"params": self.noise.maps, "lr": share})
        adam = torch.optim.Adam(parameters, betas=(0.9, 0.99))
        falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps, eta_min=rate * 0.05)
        losses: list[float] = []
        while len(losses) < steps and not self.coupling.settled(losses):
            adam.zero_grad()
            losses.append(self._backward(codes()))
            adam.step()
            falling.step()
            progress(len(losses))
        return self._found(codes(), len(losses))

    def _found(self, codes: Tensor, steps: int) -> Inverted:
        with torch.no_grad():
            w_plus = self.inverter.complete(codes, self.size)
            # To the bit: a mean over rows taken in another batch may round otherwise.
            w_plus[self.fixed] = self.start[self.fixed]
            mse = (self._shown(w_plus).clamp(-1, 1) - self.targets).square().mean(dim=(1, 2, 3))
            psnr = 10 * torch.log10(4 / mse)
        return Inverted(
            np.asarray(w_plus.cpu().numpy(), np.float32),
            np.asarray(psnr.cpu().numpy(), np.float32),
            self.noise.arrays(),
            steps,
        )

    def _backward(self, codes: Tensor) -> float:
        """Gradients of the objective into what ``codes`` (n, free rows, style_dim) come from.

        Frames are rendered apart, meet in the consistency term, and go back apart. Returns the
        objective.
        """
        w_plus = self.inverter.complete(codes[self.moving], self.size)
        parts = self.threads.parts(len(self.moving))
        leaves = [w_plus[part].detach().requires_grad_(True) for part in parts]
        noises = [self.noise.leaves(self.moving[part]) for part in parts]

        def forward(k: int) -> tuple[Tensor, Tensor]:
            images = self.inverter.generator(leaves[k], self.size, noises[k])
            loss = self.objective.of_frames(images, self.moving[parts[k]])
            if self.term is not None:
                loss = loss + self.term(images, leaves[k])
            return images, loss / len(self.moving)

        rendered = self.threads.each(forward, range(len(parts)))
        across, pulls = self._pulls([images for images, _ in rendered])

        def backward(k: int) -> tuple[Tensor, ...]:
            (images, loss), pull = rendered[k], pulls[k]
            outputs, grads = ([loss], [None]) if pull is None else ([loss, images], [None, pull])
            return torch.autograd.grad(outputs, [leaves[k], *noises[k]], grads)

        found = self.threads.each(backward, range(len(parts)))
        self.noise.take(self.moving, [noise for _, *noise in found])
        prior = self.objective.of_codes(codes, self.free)
        torch.autograd.backward([w_plus, prior], [torch.cat([code for code, *_ in found]), None])
        fidelity = sum(float(loss.detach()) for _, loss in rendered)
        return fidelity + across + float(prior.detach())

    def _pulls(self, images: list[Tensor]) -> tuple[float, list[Tensor] | list[None]]:
        """The consistency term, and its gradient at each part's images."""
        leaf = torch.cat([part.detach() for part in images]).requires_grad_(True)
        whole = leaf
        if self.still is not None:
            whole = self.still.clone()
            whole[self.moving] = leaf
        loss = self.objective.across_frames(whole)
        if loss is None:
            return 0.0, [None] * len(images)
        (grad,) = torch.autograd.grad(loss, leaf)
        return float(loss.detach()), [grad[part] for part in self.threads.parts(len(leaf))]

    def _shown(self, w_plus: Tensor) -> Tensor:
        """Images of the codes of all frames, without gradient."""

        def render(part: slice) -> Tensor:
            with torch.no_grad():
                offsets = [each[part] for each in self.noise.maps]
                images = self.inverter.generator(w_plus[part], self.size, offsets)
                return torch.as_tensor(images)

        return torch.cat(self.threads.each(render, self.threads.parts(len(w_plus))))
