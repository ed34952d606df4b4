from pathlib import Path

import numpy as np
import pytest
import torch

from stages.metrics.lpips import LpipsDistance
from stages.torchvision_ops import declare_missing_operators

DEPTHS = (3, 8, 15, 22, 29)  # relu1_2, 2_2, 3_3, 4_3, 5_3
SHIFT = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
SCALE = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)


def by_the_formula(features: torch.nn.Module, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Zhang et al. 2018, eq. 1, with the layer weights that the library ships."""
    import lpips

    file = Path(lpips.__file__).parent / "weights" / "v0.1" / "vgg.pth"
    learned = torch.load(file, map_location="cpu", weights_only=True)
    x, y, total = (a - SHIFT) / SCALE, (b - SHIFT) / SCALE, torch.zeros(len(a))
    for depth, layer in enumerate(features):
        x, y = layer(x), layer(y)
        if depth in DEPTHS:
            apart = (torch.nn.functional.normalize(x) - torch.nn.functional.normalize(y)) ** 2
            weight = learned[f"lin{DEPTHS.index(depth)}.model.1.weight"]
            total += (apart * weight).sum(1).mean((1, 2))
    return total


@pytest.mark.slow
def test_it_is_the_papers_formula_on_the_given_backbone(tmp_path: Path) -> None:
    """With a backbone of random weights: torchvision's are not to be had from a registry."""
    declare_missing_operators()
    from torchvision.models import vgg16

    torch.manual_seed(0)
    with torch.no_grad():
        features = vgg16(weights=None).features.eval()
        state = {f"features.{k}": v for k, v in features.state_dict().items()}
        a, b = np.random.default_rng(0).integers(0, 256, (2, 3, 64, 64, 3), dtype=np.uint8)
        tensors = [torch.tensor(i.transpose(0, 3, 1, 2) / 127.5 - 1).float() for i in (a, b)]
        expected = by_the_formula(features, *tensors)
    torch.save(state, tmp_path / "vgg16-397923af.pth")
    metric = LpipsDistance(tmp_path)
    assert metric.name == "lpips_vgg"
    np.testing.assert_allclose(metric(a, b), expected, rtol=1e-4)
    np.testing.assert_allclose(metric(a, a), 0, atol=1e-7)


def test_a_backbone_that_lacks_a_layer_is_refused() -> None:
    with pytest.raises(RuntimeError, match="Missing key"):
        LpipsDistance.of_state({})
