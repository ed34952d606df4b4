"""Frames side by side: order, errors, and torch's own threads given back."""

import threading

import pytest
import torch

from stages.frame_parallel import frame_threads


@pytest.fixture(autouse=True)
def threads_given_back() -> object:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_parts_from_threads_with_one_thread_each() -> None:
    torch.set_num_threads(3)
    gate = threading.Barrier(3, timeout=10)

    def work(part: slice) -> tuple[int, int]:
        gate.wait()  # passes only if three run at once
        return part.start, torch.get_num_threads()

    with frame_threads("cpu") as threads:
        assert torch.get_num_threads() == 1
        parts = threads.parts(3)
        assert threads.each(work, parts) == [(0, 1), (1, 1), (2, 1)]
    assert torch.get_num_threads() == 3


def test_a_gpu_takes_a_batch_whole() -> None:
    with frame_threads("cuda") as threads:
        assert threads.parts(5) == [slice(0, 5)]
        assert threads.each(lambda part: part.stop, [slice(0, 5)]) == [5]


def test_an_error_reaches_the_caller_and_threads_are_given_back() -> None:
    torch.set_num_threads(2)

    def fail(part: slice) -> None:
        raise ValueError(f"frame {part.start}")

    with pytest.raises(ValueError, match="frame 0"), frame_threads("cpu") as threads:
        threads.each(fail, threads.parts(2))
    assert torch.get_num_threads() == 2
