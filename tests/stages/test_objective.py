"""The terms of the objective: what each sees, and what it does not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from stages.coupling import Consistency
from stages.inversion_artifacts import Flow
from stages.objective import (
    Objective,
    Pairs,
    Weights,
    cross_frame_consistency,
    literal_consistency,
    sampling_grid,
)
from tests.stages import tiny

SIZE = 24
NONE = Weights(pixel=0, perceptual=0, consistency=0, spread=0, step=0)


def random_images(count: int, size: int = SIZE, seed: int = 0) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def pairs(
    count: int,
    shift: tuple[float, float] = (0, 0),
    visible: np.ndarray | None = None,
    back: np.ndarray | None = None,
) -> Pairs:
    """Of ``count`` frames that all move by ``shift`` pixels."""
    shape = (count - 1, SIZE, SIZE)
    forward = np.broadcast_to(np.array(shift, np.float16), (*shape, 2)).copy()
    seen = np.ones(shape, bool)
    flow = Flow(
        forward=forward,
        backward=-forward,
        visible=seen if visible is None else visible,
        visible_back=seen if back is None else back,
    )
    return Pairs.of(flow, 0, count, "cpu")


def seen(shift: tuple[int, int], *, back: bool = False) -> np.ndarray:
    """(1, s, s) pixels that are still in the picture after the shift."""
    y, x = np.mgrid[:SIZE, :SIZE]
    sign = -1 if back else 1
    x, y = x + sign * shift[0], y + sign * shift[1]
    return np.asarray((x >= 0) & (x < SIZE) & (y >= 0) & (y < SIZE))[None]


def test_the_grid_of_no_flow_samples_every_pixel_at_its_own_place() -> None:
    image = random_images(1)
    grid = sampling_grid(torch.zeros(1, SIZE, SIZE, 2))
    got = torch.nn.functional.grid_sample(image, grid, align_corners=False)
    torch.testing.assert_close(got, image, atol=1e-5, rtol=0)


def test_the_grid_moves_by_whole_pixels() -> None:
    flow = torch.zeros(1, SIZE, SIZE, 2)
    flow[..., 0], flow[..., 1] = 3, -2
    image = random_images(1)
    got = torch.nn.functional.grid_sample(image, sampling_grid(flow), align_corners=False)
    wanted = image[..., : SIZE - 2, 3:]
    torch.testing.assert_close(got[..., 2:, : SIZE - 3], wanted, atol=1e-5, rtol=0)


def test_frames_that_are_equal_and_still_agree() -> None:
    images = random_images(1).repeat(4, 1, 1, 1)
    assert float(cross_frame_consistency(images, pairs(4))) < 1e-9


@pytest.mark.parametrize("shift", [(3, 0), (-2, 4)])
def test_a_picture_that_moves_as_the_flow_says_agrees(shift: tuple[int, int]) -> None:
    first = random_images(1)
    second = torch.roll(first, (shift[1], shift[0]), dims=(2, 3))
    both = torch.cat([first, second])
    masked = pairs(2, shift, seen(shift), seen(shift, back=True))

    assert float(cross_frame_consistency(both, masked)) < 1e-9
    wrong = pairs(2, (-shift[0], -shift[1]), seen(shift), seen(shift, back=True))
    assert float(cross_frame_consistency(both, wrong)) > 0.5


def test_a_neighbour_that_changes_is_seen() -> None:
    """Unlike the published term, which warps a frame and its own target by the same flow."""
    images = random_images(1).repeat(3, 1, 1, 1)
    images[1] += 0.5
    # Both pairs, both ways, everywhere: 0.25.
    assert float(cross_frame_consistency(images, pairs(3))) == pytest.approx(0.25, rel=1e-4)


def test_what_is_hidden_does_not_count() -> None:
    images = random_images(1).repeat(2, 1, 1, 1)
    images[1, :, :, :10] += 9
    mask = np.ones((1, SIZE, SIZE), bool)
    mask[:, :, :10] = False
    assert float(cross_frame_consistency(images, pairs(2, (0, 0), mask, mask))) < 1e-9
    nothing = np.zeros((1, SIZE, SIZE), bool)
    assert float(cross_frame_consistency(images, pairs(2, (0, 0), nothing, nothing))) == 0
    # Seen one way only: that way's share alone.
    one_way = cross_frame_consistency(images, pairs(2, (0, 0), mask, nothing))
    assert float(one_way) < 1e-9


def test_gradients_reach_both_frames() -> None:
    images = random_images(2).requires_grad_(True)
    cross_frame_consistency(images, pairs(2, (1, 0))).backward()  # type: ignore[no-untyped-call]
    assert images.grad is not None
    assert (images.grad.abs().amax(dim=(1, 2, 3)) > 0).all()


def test_larger_images_are_compared_on_the_flows_grid() -> None:
    images = random_images(1, 2 * SIZE).repeat(2, 1, 1, 1)
    images[1] += 0.5
    assert float(cross_frame_consistency(images, pairs(2))) == pytest.approx(0.25, rel=1e-4)


def test_pairs_of_a_part_are_those_of_its_frames() -> None:
    forward = np.zeros((4, SIZE, SIZE, 2), np.float16)
    forward[..., 0] = np.arange(4)[:, None, None]
    mask = np.ones((4, SIZE, SIZE), bool)
    part = Pairs.of(Flow(forward, forward, mask, mask), 1, 3, "cpu")
    assert part.forward.shape == (2, SIZE, SIZE, 2) and part.visible.shape == (2, 1, SIZE, SIZE)
    still = sampling_grid(torch.zeros(1, SIZE, SIZE, 2))
    moved = (part.forward - still)[:, 0, 0, 0] * SIZE / 2
    torch.testing.assert_close(moved, torch.tensor([1.0, 2.0]))
    alone = Pairs.of(Flow(forward, forward, mask, mask), 4, 1, "cpu")
    assert len(alone.visible) == 0


def test_pairs_may_be_of_any_frames() -> None:
    """Frame 0 and frame 2, which agree, and 0 and 1, which do not."""
    images = random_images(1).repeat(3, 1, 1, 1)
    images[1] += 0.5
    zero = np.zeros((1, SIZE, SIZE, 2), np.float16)
    mask = np.ones((1, SIZE, SIZE), bool)
    for there, wanted in ((2, 0.0), (1, 0.25)):
        pair = Pairs.between(Flow(zero, zero, mask, mask), slice(None), [0], [there], "cpu")
        assert float(cross_frame_consistency(images, pair)) == pytest.approx(wanted, abs=1e-4)


def test_the_published_term_compares_no_two_frames() -> None:
    """Only errors against targets count, wherever the flow leads, and nothing is masked."""
    images = random_images(1).repeat(3, 1, 1, 1)
    images[1] += 0.5
    nothing = np.zeros((2, SIZE, SIZE), bool)
    flow = pairs(3, (0, 0), nothing, nothing)
    assert float(literal_consistency(images, images, flow)) == 0
    off = images.clone()
    off[0] += 0.6
    # One frame of a pair, of two pairs, either way: a quarter of 0.36.
    assert float(literal_consistency(off, images, flow)) == pytest.approx(0.09, rel=1e-4)


def test_the_published_term_follows_the_printed_formula() -> None:
    """Warping both pictures, then comparing."""
    images, targets = random_images(2, seed=1), random_images(2, seed=2)
    flow = pairs(2, (3, -2))

    def warped(picture: Tensor, grid: Tensor) -> Tensor:
        return torch.nn.functional.grid_sample(
            picture, grid, padding_mode="border", align_corners=False
        )

    back = (warped(targets[1:], flow.forward) - warped(images[1:], flow.forward)).square().mean()
    on = (warped(targets[:1], flow.backward) - warped(images[:1], flow.backward)).square().mean()
    assert float(literal_consistency(images, targets, flow)) == pytest.approx(
        float(on + back) / 2, rel=1e-4
    )


Terms = Callable[..., tuple[Objective, Tensor, Tensor]]


@pytest.fixture
def terms() -> Terms:
    """An objective with given weights, its own targets as images, and codes all alike."""

    def make(**weights: float) -> tuple[Objective, Tensor, Tensor]:
        images = random_images(3)
        objective = Objective(
            images, tiny.BlurredPixels(), pairs(3), NONE.model_copy(update=weights), SIZE
        )
        return objective, images, torch.ones(3, 4, 8)

    return make


def test_each_fidelity_term_is_its_formula(terms: Terms) -> None:
    objective, images, _ = terms(pixel=2)
    assert float(objective.of_frames(images, [0, 1, 2])) == 0
    off = images.clone()
    off[0] += 0.6
    assert float(objective.of_frames(off, [0, 1, 2])) == pytest.approx(2 * 0.36, rel=1e-4)

    objective, images, _ = terms(perceptual=1)
    assert float(objective.of_frames(images, [0, 1, 2])) == 0
    # Four maps of three channels, each off by 0.6.
    loss = float(objective.of_frames(off, [0, 1, 2]))
    assert loss == pytest.approx(4 * 3 * 0.36, rel=1e-4)


def test_frames_apart_sum_to_frames_together(terms: Terms) -> None:
    objective, images, _ = terms(pixel=1, perceptual=1)
    off = images.flip(0)
    apart = sum(float(objective.of_frames(off[i : i + 1], [i])) for i in range(3))
    assert apart == pytest.approx(float(objective.of_frames(off, [0, 1, 2])), rel=1e-4)
    assert float(objective.of_frames(images[2:], [2])) == 0


def test_the_priors_are_their_formulas(terms: Terms) -> None:
    free = torch.ones(3)
    objective, _, codes = terms(spread=1)
    assert float(objective.of_codes(codes, free)) == 0
    apart = codes.clone()
    apart[:, 0] += 4  # rows' mean moves by 1: deviations 3, -1, -1, -1
    assert float(objective.of_codes(apart, free)) == pytest.approx(3.0)

    objective, _, codes = terms(step=1)
    assert float(objective.of_codes(apart, free)) == 0
    walk = codes + torch.tensor([0.0, 2.0, 4.0])[:, None, None]
    assert float(objective.of_codes(walk, free)) == pytest.approx(4.0)


def test_fixed_frames_do_not_count_in_the_spread(terms: Terms) -> None:
    objective, _, codes = terms(spread=1)
    codes[2, 0] += 5
    assert float(objective.of_codes(codes, torch.tensor([1.0, 1.0, 0.0]))) == 0
    assert float(objective.of_codes(codes, torch.ones(3))) > 1


def test_consistency_is_left_out_where_frames_are_no_neighbours() -> None:
    weights = NONE.model_copy(update={"consistency": 1.0})
    images = random_images(2)
    apart = Objective(images, tiny.BlurredPixels(), None, weights, SIZE)
    joined = Objective(images, tiny.BlurredPixels(), pairs(2), weights, SIZE)
    assert apart.across_frames(images) is None
    assert joined.across_frames(images[:1]) is None
    loss = joined.across_frames(images)
    assert loss is not None and float(loss) > 0.5


def test_consistency_is_of_the_kind_asked_for() -> None:
    weights = NONE.model_copy(update={"consistency": 2.0})
    targets, images = random_images(2), random_images(2, seed=5)

    def of(consistency: Consistency) -> Tensor | None:
        network = tiny.BlurredPixels()
        return Objective(targets, network, pairs(2), weights, SIZE, consistency).across_frames(
            images
        )

    torch.testing.assert_close(of("cross_frame"), 2 * cross_frame_consistency(images, pairs(2)))
    torch.testing.assert_close(of("literal"), 2 * literal_consistency(images, targets, pairs(2)))
    torch.testing.assert_close(
        of("residual"), 2 * cross_frame_consistency(images - targets, pairs(2))
    )
    assert of("none") is None


def test_the_residual_term_asks_for_nothing_the_source_does_not_do() -> None:
    """A source that changes along its flow: the truth costs nothing, an even error nothing."""
    weights = NONE.model_copy(update={"consistency": 1.0})
    targets = random_images(1).repeat(3, 1, 1, 1)
    targets[1] += 0.5
    objective = Objective(targets, tiny.BlurredPixels(), pairs(3), weights, SIZE, "residual")
    for images, wanted in ((targets, 0.0), (targets + 0.3, 0.0)):
        loss = objective.across_frames(images)
        assert loss is not None and float(loss) == pytest.approx(wanted, abs=1e-6)
    flickering = targets.clone()
    flickering[2] += 0.3
    loss = objective.across_frames(flickering)
    assert loss is not None and float(loss) == pytest.approx(0.09 / 2, rel=1e-3)
