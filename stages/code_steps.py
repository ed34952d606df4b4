"""What an inversion solves for, and the codes of a window that come of it.

"From Continuity to Editability: Inverting GANs with Consecutive Images" (ICCV 2021), eq. 3, the
mutually accessible constraint: ``w_i = w_1 + n_1 + ... + n_{i-1}``. Steps in W alone, as in the
published code, cannot follow an expression (design notes), so ours live in W+ like the base.

What is solved for are offsets, along the axes of W or along its principal axes, each in W's own
deviations there ("Improved StyleGAN Embedding", Zhu et al. 2020, do so before the mapping network's
last activation; this is W itself). Adam goes about equally far along every axis that it is given,
needed or not: where W is thin, that is soon out of the generator's domain.

For the same reason an offset may have two parts, one that all rows share and one of each row's own,
as e4e's encoder (Tov et al. 2021) finds ``w`` first and its rows' differences later.
Faster along the first, Adam comes a long way, in W, before rows part.

Convention. Codes are (n, free rows, style_dim).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from stages.coupling import Access, Anchor


class CodeSteps:
    """The codes of a window as a function of a base and steps.

    Args:
        given: (n, free rows, style_dim), where to start, and what fixed frames keep.
        fixed: frames whose codes are not solved for.
        access: steps in W+, in W (one vector for all rows, on top of the given differences), or
            no steps: a code for each frame.
        anchor: what the base is: the first code, or the mean of those that are solved for.
        together: only the base is solved for: all frames move by one and the same offset.
        axes: (style_dim, style_dim), the axes of the offsets, one a column; None: those of W.
        shared: offsets have a part that all rows share.
    """

    def __init__(
        self,
        given: Tensor,
        fixed: Sequence[int] = (),
        access: Access = "w_plus",
        anchor: Anchor = "first",
        *,
        together: bool = False,
        axes: Tensor | None = None,
        shared: bool = False,
    ) -> None:
        self._given = given
        self._axes = axes
        moving = [i for i in range(len(given)) if i not in fixed]
        self._apart = access == "none" and not together
        self._centred = anchor == "mean" and not self._apart
        # Steps lead from frame to frame; a fixed first frame is the base itself.
        from_fixed = 0 in fixed and not self._apart and not self._centred
        self._path = [0, *moving] if from_fixed else moving
        codes = given[self._path]
        base = codes.mean(dim=0, keepdim=True) if self._centred else codes[:1]
        self._from = codes if self._apart else base
        self._base = torch.zeros_like(self._from).requires_grad_(not from_fixed)
        self._deltas = codes.diff(dim=0)
        self._steps = torch.zeros_like(
            self._deltas if access == "w_plus" else self._deltas[:, :1]
        ).requires_grad_(not together and not self._apart)
        self._shared = [
            torch.zeros_like(each[:, :1]).requires_grad_(shared and each.requires_grad)
            for each in (self._base, self._steps)
        ]

    def parameters(
        self, rate: float, step_rate: float, row_rate: float = 1.0, shared_rate: float = 1.0
    ) -> list[dict[str, object]]:
        """What is solved for, in groups with their learning rates.

        Args:
            rate: the base's.
            step_rate: the steps', as a share of it.
            row_rate, shared_rate: of what each row has to itself and of what all share, as shares
                of both.
        """
        base, steps = self._shared
        groups = (
            (self._steps, step_rate * row_rate),
            (steps, step_rate * shared_rate),
            (self._base, row_rate),
            (base, shared_rate),
        )
        return [
            {"params": [each], "lr": rate * share}
            for each, share in groups
            if each.requires_grad and len(each)
        ]

    def __call__(self) -> Tensor:
        """(n, free rows, style_dim) of all frames, fixed ones included, with gradient."""
        whole = self._given.clone()
        whole[self._path] = self._solved()
        return whole

    def _solved(self) -> Tensor:
        for_base, for_steps = self._shared
        base = self._from + self._in_w(self._base + for_base)
        if self._apart or not len(self._deltas):
            return base
        walk = (self._deltas + self._in_w(self._steps + for_steps)).cumsum(0)
        if not self._centred:
            return torch.cat((base, base + walk))
        walk = torch.cat((torch.zeros_like(walk[:1]), walk))
        return base + walk - walk.mean(dim=0, keepdim=True)

    def _in_w(self, offsets: Tensor) -> Tensor:
        return offsets if self._axes is None else offsets @ self._axes.T
