"""Training steps shared by two processes: the sums, and the encoder that comes of them."""

import multiprocessing
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from pipeline.stage import Context, Peers
from stages.data_parallel import Together, together
from stages.encoder_bank import EncoderBank
from stages.encoder_state import EncoderState, Training
from stages.networks.encoder import Encoder
from stages.train_encoder import TrainOnImages
from tests.stages import tiny
from tests.stages.test_train_encoder import make_bank

SHAPE = tiny.SMALLER


def in_two(target: Callable[..., None], *arguments: Any) -> None:
    """Call it in two processes, with the peers of each first."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    spawn = multiprocessing.get_context("spawn")
    processes = [
        spawn.Process(target=target, args=(Peers(rank, 2, address), *arguments))
        for rank in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0


def test_parts_are_dealt_out_and_none_is_left() -> None:
    dealt = [Together(rank, 3).mine(range(0, 20, 4)) for rank in range(3)]
    assert dealt == [[0, 12], [4, 16], [8]]


def test_alone_nothing_is_added(tmp_path: Path) -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([1.0, 2.0])
    with together(Context(tmp_path)) as group:
        assert group.mine(range(3)) == [0, 1, 2]
        assert group.add_up([weight], 0.25) == 0.25
    assert weight.grad.tolist() == [1, 2]


def test_gradients_and_losses_are_added_up(tmp_path: Path) -> None:
    """The second parameter is reached by the second worker only, the third by none."""
    in_two(add, tmp_path)
    for rank in range(2):
        first, second, third, loss = torch.load(tmp_path / f"{rank}.pt", weights_only=True)
        torch.testing.assert_close(first, torch.full((2, 3, 4, 4), 3.0))
        assert first.is_contiguous(memory_format=torch.channels_last)
        assert second.tolist() == [5.0] and third is None and loss == 30


def add(peers: Peers, folder: Path) -> None:
    shared = nn.Parameter(torch.zeros(2, 3, 4, 4).to(memory_format=torch.channels_last))
    once, never = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    shared.grad = torch.full_like(shared, peers.rank + 1.0)
    if peers.rank:
        once.grad = torch.tensor([5.0])
    with together(Context(folder, peers=lambda: peers)) as group:
        loss = group.add_up([shared, once, never], 10.0 * (peers.rank + 1))
    torch.save([shared.grad, once.grad, never.grad, loss], folder / f"{peers.rank}.pt")


@pytest.mark.slow
def test_two_workers_train_what_one_does(tmp_path: Path) -> None:
    """Three steps of four chunks. Adam goes by a gradient's sign where it is small: so by means."""
    networks = tiny.inverter(SHAPE)
    bank = make_bank(networks, seed=1, count=8)
    torch.manual_seed(0)
    start = Training(Encoder(SHAPE)).write("tiny", tmp_path / "start.safetensors")
    train(Peers(), start, bank, tmp_path / "alone")
    in_two(train, start, bank, tmp_path / "both")
    alone, first, second = (
        load_file(tmp_path / f"{name}.safetensors") for name in ("alone0", "both0", "both1")
    )
    begun = load_file(start.file)
    for name, value in alone.items():
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
        if name.startswith("model.") and name in begun and value.is_floating_point():
            moved = float((value - begun[name]).abs().mean())
            assert float((value - first[name]).abs().mean()) <= 0.02 * moved + 1e-7, name
    assert (tmp_path / "alone0.loss").read_text() == (tmp_path / "both0.loss").read_text()


def train(peers: Peers, start: EncoderState, bank: EncoderBank, to: Path) -> None:
    """Train and put state and loss where ``to`` and the rank say."""
    torch.set_num_threads(1)
    scratch = to.with_name(f"{to.name}{peers.rank}-scratch")
    scratch.mkdir()
    stage = TrainOnImages(steps=3, batch=8, chunk=2, altered=1, rate=1e-3, size=64)
    context = Context(scratch, peers=lambda: peers)
    made = stage.run(tiny.inverter(SHAPE), start, [bank], context)
    made.file.rename(to.with_name(f"{to.name}{peers.rank}.safetensors"))
    to.with_name(f"{to.name}{peers.rank}.loss").write_text(f"{made.curve[-1].loss:.4f}")
