"""Training steps that several workers take together: each some of the batch, gradients added up.

Every worker holds the whole network and makes the same step from the same sum, so all of them stay
alike, and what one has learned in the end is what any other has. ``torch.distributed`` carries the
sums: gloo between CPUs, NCCL between GPUs.
"""

import datetime
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import distributed, nn

from pipeline.stage import Context

PATIENCE = datetime.timedelta(minutes=5)
"""How long a worker waits for the others before it gives up."""


@dataclass(frozen=True)
class Together:
    """This worker among all of them: number ``rank`` of ``size``."""

    rank: int
    size: int

    def mine(self, parts: Iterable[int]) -> list[int]:
        """Every ``size``-th of these parts of a batch."""
        return [part for place, part in enumerate(parts) if place % self.size == self.rank]

    def add_up(self, parameters: Iterable[nn.Parameter], loss: float) -> float:
        """Replace every gradient by its sum over all workers; the sum of their losses, too.

        One message for all. A parameter that nobody's part of the batch reached keeps none.
        """
        if self.size == 1:
            return loss
        wanted = [p for p in parameters if p.requires_grad]
        grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in wanted]
        more = torch.tensor([loss, *(float(p.grad is not None) for p in wanted)])
        flat = torch.cat([*(g.reshape(-1) for g in grads), more.to(grads[0]) if grads else more])
        distributed.all_reduce(flat)
        *summed, more = torch.split(flat, [*(g.numel() for g in grads), len(more)])
        total, *reached = more.tolist()
        for parameter, grad, count in zip(wanted, summed, reached, strict=True):
            if count:
                # In the parameter's own memory format, which Adam's passes go by.
                of = torch.empty_like(parameter).copy_(grad.reshape(parameter.shape))
                parameter.grad = of
        return float(total)


@contextmanager
def together(context: Context) -> Iterator[Together]:
    """Meet the others that were called to this work, if there are any."""
    peers = context.peers()
    if peers.size == 1:
        yield Together(0, 1)
        return
    distributed.init_process_group(
        "nccl" if context.device == "cuda" else "gloo",
        init_method=f"tcp://{peers.address}",
        rank=peers.rank,
        world_size=peers.size,
        timeout=PATIENCE,
    )
    try:
        yield Together(peers.rank, peers.size)
    finally:
        distributed.destroy_process_group()
