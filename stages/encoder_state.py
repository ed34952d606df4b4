"""An encoder in training, between two nodes of its chain: all that the next step depends on."""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipeline.artifact import Artifact
from stages.networks.encoder import Encoder
from stages.networks.mobile_stylegan import GeneratorShape

TRUNK_RATE = 0.5
"""Learning rate of the trunk, which has learned already, as a share of the others'."""
CLIP = 1.0
"""Largest norm of a gradient."""


@dataclass(frozen=True)
class CurvePoint:
    """Mean loss over the steps of one node, and where it ended. ``loss`` is the phase's own."""

    phase: str
    steps: int
    faces: int
    rate: float
    loss: float


@dataclass(frozen=True)
class EncoderState(Artifact):
    """``file``: parameters and Adam's moments. ``seen``: faces seen so far, repeats counted."""

    generator: str
    shape: GeneratorShape
    file: Path
    steps: int
    seen: int
    curve: tuple[CurvePoint, ...]


class Training:
    """A state, unpacked: the network and its optimiser."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.steps = 0
        self.seen = 0
        encoder.channels_last()
        trunk = [p for name, p in encoder.named_parameters() if name.startswith("trunk.")]
        others = [p for name, p in encoder.named_parameters() if not name.startswith("trunk.")]
        self.adam = torch.optim.Adam(
            [{"params": others}, {"params": trunk}], lr=0.0, betas=(0.9, 0.99), foreach=True
        )

    @classmethod
    def read(cls, state: EncoderState, device: str = "cpu") -> "Training":
        """Take up the training where ``state`` left it."""
        tensors = load_file(state.file)
        encoder = Encoder(state.shape)
        encoder.load_state_dict(_part(tensors, "model."))
        training = cls(encoder.to(device))
        training.steps, training.seen = state.steps, state.seen
        first, second = _part(tensors, "first."), _part(tensors, "second.")
        for name, p in encoder.named_parameters():
            if name in first:
                training.adam.state[p] = {
                    "step": torch.tensor(float(state.steps)),
                    "exp_avg": torch.empty_like(p).copy_(first[name]),
                    "exp_avg_sq": torch.empty_like(p).copy_(second[name]),
                }
        return training

    def write(self, generator: str, file: Path, curve: tuple[CurvePoint, ...] = ()) -> EncoderState:
        """Put it into ``file``."""
        tensors = {f"model.{k}": v for k, v in self.encoder.state_dict().items()}
        for name, p in self.encoder.named_parameters():
            moments = self.adam.state.get(p)
            if moments:
                tensors[f"first.{name}"] = moments["exp_avg"]
                tensors[f"second.{name}"] = moments["exp_avg_sq"]
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, file)
        shape = self.encoder.shape
        return EncoderState(generator, shape, file, self.steps, self.seen, curve)

    def step(self, rate: float, faces: int) -> None:
        """Apply the gradients that are there, and clear them."""
        nn.utils.clip_grad_norm_(self.encoder.parameters(), CLIP)
        for group, share in zip(self.adam.param_groups, (1.0, TRUNK_RATE), strict=True):
            group["lr"] = rate * share
        self.adam.step()
        self.adam.zero_grad()
        self.steps += 1
        self.seen += faces


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
