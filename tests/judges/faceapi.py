"""face-api.js's age and gender network (a tiny Xception), from its quantised TensorFlow.js shards.

The second age judge: it takes no part in fitting the age direction.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from tests.judges.crops import face_chip

MEAN_RGB = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
Weights = dict[str, torch.Tensor]


def read_tfjs(folder: Path, name: str) -> Weights:
    """Tensors of a TensorFlow.js manifest; uint8 ones are value * scale + min."""
    (group,) = json.loads((folder / f"{name}-weights_manifest.json").read_text())
    data = b"".join((folder / path).read_bytes() for path in group["paths"])
    tensors: Weights = {}
    at = 0
    for entry in group["weights"]:
        count = int(np.prod(entry["shape"]))
        quantised = entry.get("quantization")
        kind = np.dtype(quantised["dtype"] if quantised else entry["dtype"])
        values = np.frombuffer(data, kind, count, at).astype(np.float32)
        at += count * kind.itemsize
        if quantised:
            values = values * quantised["scale"] + quantised["min"]
        tensors[entry["name"]] = torch.from_numpy(values.reshape(entry["shape"]))
    if at != len(data):
        raise ValueError(f"the manifest describes {at} bytes, the shards hold {len(data)}")
    return tensors


def same(x: torch.Tensor, kernel: int, stride: int, fill: float = 0.0) -> torch.Tensor:
    """TensorFlow's "same" padding, which puts the odd pixel at the bottom and right."""
    total = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:]]
    (h, w) = total
    return F.pad(x, (w // 2, w - w // 2, h // 2, h - h // 2), value=fill)


class FaceApiAge:
    """``age(crops)`` and ``gender(crops)`` on (n, h, h, 3) uint8 FFHQ-aligned crops."""

    def __init__(self, weights: Path) -> None:
        self._w = read_tfjs(weights / "attributes_faceapi", "age_gender_model")

    def age(self, crops: np.ndarray) -> np.ndarray:
        """(n,) years."""
        return self._head(crops, "age")[:, 0].numpy()

    def gender(self, crops: np.ndarray) -> np.ndarray:
        """(n,) probability of male."""
        return torch.softmax(self._head(crops, "gender"), 1)[:, 0].numpy()

    @torch.inference_mode()
    def _head(self, crops: np.ndarray, head: str) -> torch.Tensor:
        chips = np.stack([face_chip(crop, 112) for crop in crops])
        pooled = self._features(torch.from_numpy(chips).permute(0, 3, 1, 2).float())
        return pooled @ self._w[f"fc/{head}/weights"] + self._w[f"fc/{head}/bias"]

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - MEAN_RGB) / 256
        x = F.relu(self._conv(x, "entry_flow/conv_in", 2))
        x = self._reduce(x, "entry_flow/reduction_block_0", first=True)
        x = self._reduce(x, "entry_flow/reduction_block_1")
        for block in range(2):
            y = x
            for i in range(3):
                y = self._separable(F.relu(y), f"middle_flow/main_block_{block}/separable_conv{i}")
            x = x + y
        x = self._reduce(x, "exit_flow/reduction_block")
        x = F.relu(self._separable(x, "exit_flow/separable_conv"))
        return x.mean((2, 3))

    def _conv(self, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
        filters = self._w[f"{name}/filters"].permute(3, 2, 0, 1)
        x = same(x, filters.shape[-1], stride)
        return F.conv2d(x, filters, self._w[f"{name}/bias"], stride)

    def _separable(self, x: torch.Tensor, name: str) -> torch.Tensor:
        depthwise = self._w[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)
        pointwise = self._w[f"{name}/pointwise_filter"].permute(3, 2, 0, 1)
        x = F.conv2d(x, depthwise, padding=1, groups=x.shape[1])
        return F.conv2d(x, pointwise, self._w[f"{name}/bias"])

    def _reduce(self, x: torch.Tensor, name: str, first: bool = False) -> torch.Tensor:
        y = self._separable(x if first else F.relu(x), f"{name}/separable_conv0")
        y = self._separable(F.relu(y), f"{name}/separable_conv1")
        y = F.max_pool2d(same(y, 3, 2, fill=-torch.inf), 3, 2)
        return y + self._conv(x, f"{name}/expansion_conv", 2)
