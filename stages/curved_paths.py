"""Edits that are no straight line: an attribute raised along the surface of the latent space.

Paper 003's second synthesised set (supplement, table 8) was made with StyleFlow, whose weights
cannot be had from a package registry. This is our stand-in, which needs the mapping network only:
the code's ``z`` follows the gradient of its projection on a direction, on the sphere that ``z``
lives on, so ``w`` bends with the surface that the mapping network makes. As in StyleFlow, how a
code moves depends on where it is, and on how far it has gone.

By how much: ``amount`` standard deviations of the direction mean the same projection as on the
straight path, ``<w(t) - w(0), u> = t <u, u>`` with ``u`` one standard deviation.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STEP = 0.25
"""Standard deviations, at most, between two corrections."""
_CORRECTIONS = 2
_FIT_STEPS = 150
_FIT_RATE = 0.05


@dataclass(frozen=True)
class CurvedPaths:
    """Paths over the truncated surface ``mean + psi (mapping(z) - mean)``.

    ``mapping``: z (n, d) to w (n, d). ``mean``: (d,).
    """

    mapping: nn.Module
    mean: Tensor
    psi: float

    def code(self, z: Tensor) -> Tensor:
        """(n, d) on the surface."""
        return self.mean + self.psi * (torch.as_tensor(self.mapping(z)) - self.mean)

    def along(self, z: Tensor, unit: Tensor, amounts: Sequence[float]) -> Tensor:
        """(len(amounts), d): what each amount adds to the code of ``z`` (1, d).

        Args:
            z: where the path begins.
            unit: (d,) one standard deviation of the direction.
            amounts: of either sign, in any order.
        """
        with torch.no_grad():
            origin = self.code(z)[0]
        found: dict[float, Tensor] = {0.0: torch.zeros_like(origin)}
        for sign in (1.0, -1.0):
            at, here = 0.0, z
            for amount in sorted(abs(a) for a in set(amounts) if a * sign > 0):
                count = max(1, -int(-(amount - at) // STEP))
                for k in range(1, count + 1):
                    reached = at + (amount - at) * k / count
                    here = self._raised(here, unit, (origin + sign * reached * unit) @ unit)
                at = amount
                with torch.no_grad():
                    found[sign * amount] = self.code(here)[0] - origin
        return torch.stack([found[float(amount)] for amount in amounts])

    def _raised(self, z: Tensor, unit: Tensor, projection: Tensor) -> Tensor:
        """The nearest ``z``, to first order, whose code has this projection on ``unit``."""
        for _ in range(_CORRECTIONS):
            z = z.detach().requires_grad_(True)
            with torch.enable_grad():
                now = (self.code(z) @ unit).sum()
                (slope,) = torch.autograd.grad(now, z)
            with torch.no_grad():
                z = z + slope * (projection - now) / slope.square().sum()
                z = _on_sphere(z)
        return z.detach()

    def nearest(self, w: Tensor) -> Tensor:
        """(1, d): the ``z`` whose code is near ``w`` (d,), by Adam from a fixed beginning."""
        random = torch.Generator().manual_seed(0)
        z = torch.randn(1, len(w), generator=random).requires_grad_(True)
        adam = torch.optim.Adam([z], lr=_FIT_RATE)
        for _ in range(_FIT_STEPS):
            adam.zero_grad()
            with torch.enable_grad():
                loss = (self.code(z) - w).square().mean()
                loss.backward()  # type: ignore[no-untyped-call]  # torch
            adam.step()
        return _on_sphere(z.detach())


def _on_sphere(z: Tensor) -> Tensor:
    """The mapping network sees no more of ``z`` than where it points."""
    return F.normalize(z, dim=1) * math.sqrt(z.shape[1])
