"""Latent editing consistency, LEC (Tov et al. 2021, "Designing an encoder for StyleGAN image
manipulation", e4e, section 4.3): does an edit come undone?

``LEC(f) = E_x | E(x) - f^-1(E(G(f(E(x))))) |_2``: invert, edit, render, invert again, take the edit
back. With ``f(w) = w + offset`` the inverse is ``w - offset``. Zero when the inverter finds again
what the generator showed; an inverter that leaves the part of the latent space where edits work
does not. It is in the units of the latent space, so it compares inverters of one generator.
"""

from collections.abc import Callable

import torch
from torch import Tensor


@torch.no_grad()
def editing_consistency(
    invert: Callable[[Tensor], Tensor],
    render: Callable[[Tensor], Tensor],
    images: Tensor,
    offset: Tensor,
    acting: Tensor | None = None,
) -> Tensor:
    """(n,) the distance of each image.

    Args:
        invert: images (n, 3, s, s) in [-1, 1] to codes (n, rows, d). It may optimise: gradients
            are off here, so it has to turn them on itself.
        render: codes to images that ``invert`` takes.
        images: (n, 3, s, s).
        offset: (rows, d) or (d,), what the edit adds.
        acting: (rows,) bool, the rows of a code that reach the image; others are no part of the
            distance. None for all.
    """
    codes = invert(images)
    return distance(codes, invert(render(codes + offset)), offset, acting)


def distance(codes: Tensor, again: Tensor, offset: Tensor, acting: Tensor | None = None) -> Tensor:
    """(n,) how far from ``codes`` (n, rows, d) those found ``again`` lie, the edit taken back."""
    apart = again - offset - codes
    if acting is not None:
        apart = apart[:, acting]
    found: Tensor = torch.linalg.vector_norm(apart.flatten(1), dim=1)
    return found
