"""A clip from one code to another."""

from pathlib import Path

import av
import numpy as np
import pytest
from torch import Tensor

from pipeline.stage import Context
from stages import morph_figures
from stages.invert_pair import Ends
from stages.morph import MorphNetworks, RenderMorph, codes_at, evenly
from tests.stages.test_morph_figures import NO_FINDER, Brightness, Opening


class Lamp:
    """Stands in for a generator: a grey picture, as light as the square of the code."""

    def __call__(self, code: Tensor, size: int) -> Tensor:
        light = 2 * code.mean(dim=(1, 2)).square() - 1
        return light[:, None, None, None].expand(-1, 3, size, size)


def ends() -> Ends:
    w_plus = np.repeat(np.array([0.2, 0.9], np.float32), 5 * 16).reshape(2, 5, 16)
    return Ends(np.full(2, 25, np.float32), w_plus)


def test_codes_lie_on_the_line_between_the_ends() -> None:
    given = ends()
    found = codes_at(given, np.array([0, 0.25, 1]))
    np.testing.assert_array_equal(found[[0, 2]], given.w_plus)
    np.testing.assert_allclose(found[1], 0.75 * given.w_plus[0] + 0.25 * given.w_plus[1], atol=1e-5)


def test_shares_are_dense_where_much_changes() -> None:
    tried = np.linspace(0, 1, 5)
    shares = evenly(tried, np.array([4.0, 1, 1, 2]), 9)
    assert (shares[0], shares[-1]) == (0, 1)
    np.testing.assert_allclose(shares[:5], [0, 0.0625, 0.125, 0.1875, 0.25], atol=2e-3)
    assert (np.diff(shares) > 0).all()
    np.testing.assert_allclose(evenly(tried, np.ones(4), 5), tried, atol=1e-9)
    np.testing.assert_allclose(evenly(tried, np.zeros(4), 3), [0, 0.5, 1])


@pytest.mark.parametrize(("pace", "spread"), [("even", (0, 0.1)), ("linear", (0.3, 1))])
def test_the_clip_goes_from_one_to_the_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, pace: str, spread: tuple[float, float]
) -> None:
    monkeypatch.setattr(morph_figures, "DetectFaces", Opening)
    lamp, distance = Lamp(), Brightness()
    networks = MorphNetworks(lamp, distance, NO_FINDER, None)  # type: ignore[arg-type]
    stage = RenderMorph.model_validate(
        {"frames": 7, "fps": 12.5, "size": 256, "pace": pace, "looks": 17}
    )
    made = stage.run(networks, ends(), Context(tmp_path))
    with av.open(str(made.file)) as clip:
        video = clip.streams.video[0]
        assert video.average_rate == 12.5 and (video.width, video.height) == (256, 256)
        assert video.codec_context.colorspace == 1 and video.codec_context.color_range == 1
        assert "generative AI" in clip.metadata["comment"]
        frames = [f.to_ndarray(format="rgb24") for f in clip.decode(video)]
    light = [float(frame.mean()) for frame in frames]
    np.testing.assert_allclose([light[0], light[-1]], [255 * 0.04, 255 * 0.81], atol=3)
    assert (np.diff(light) > 0).all() and len(light) == len(made.shares) == 7
    figure = made.figures[0]
    assert figure.name == "root of brightness" and figure.steps == 6
    assert spread[0] <= figure.spread <= spread[1]
