"""face-api.js's networks, from their quantised TensorFlow.js shards.

Ages, gender, expressions and 68 landmarks: second judges, which take no part in fitting directions.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from tests.judges.crops import face_chip

MEAN_RGB = torch.tensor([122.782, 117.001, 104.298]).view(1, 3, 1, 1)
CHIP = 112
FOLDER = "attributes_faceapi"
HAPPY = 1
"""Of neutral, happy, sad, angry, fearful, disgusted, surprised."""
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


def conv(w: Weights, x: torch.Tensor, name: str, stride: int) -> torch.Tensor:
    """TensorFlow's convolution with "same" padding and a bias."""
    filters = w[f"{name}/filters"].permute(3, 2, 0, 1)
    return F.conv2d(same(x, filters.shape[-1], stride), filters, w[f"{name}/bias"], stride)


def separable(w: Weights, x: torch.Tensor, name: str, stride: int = 1) -> torch.Tensor:
    """Depthwise, then pointwise convolution, with "same" padding and a bias."""
    depthwise = w[f"{name}/depthwise_filter"].permute(2, 3, 0, 1)
    pointwise = w[f"{name}/pointwise_filter"].permute(3, 2, 0, 1)
    x = F.conv2d(same(x, 3, stride), depthwise, stride=stride, groups=x.shape[1])
    return F.conv2d(x, pointwise, w[f"{name}/bias"])


def shown(crops: np.ndarray) -> torch.Tensor:
    """(n, 3, 112, 112) what the networks are shown of FFHQ-aligned crops, its mean taken away."""
    chips = np.stack([face_chip(crop, CHIP) for crop in crops])
    return torch.from_numpy(chips).permute(0, 3, 1, 2).float() - MEAN_RGB


class FaceApiAge:
    """``age(crops)`` and ``gender(crops)`` on (n, h, h, 3) uint8 FFHQ-aligned crops."""

    def __init__(self, weights: Path) -> None:
        self._w = read_tfjs(weights / FOLDER, "age_gender_model")

    def age(self, crops: np.ndarray) -> np.ndarray:
        """(n,) years."""
        return self._head(crops, "age")[:, 0].numpy()

    def gender(self, crops: np.ndarray) -> np.ndarray:
        """(n,) probability of male."""
        return torch.softmax(self._head(crops, "gender"), 1)[:, 0].numpy()

    @torch.inference_mode()
    def _head(self, crops: np.ndarray, head: str) -> torch.Tensor:
        pooled = self._features(shown(crops) / 256)
        return pooled @ self._w[f"fc/{head}/weights"] + self._w[f"fc/{head}/bias"]

    def _features(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(conv(self._w, x, "entry_flow/conv_in", 2))
        x = self._reduce(x, "entry_flow/reduction_block_0", first=True)
        x = self._reduce(x, "entry_flow/reduction_block_1")
        for block in range(2):
            y = x
            for i in range(3):
                name = f"middle_flow/main_block_{block}/separable_conv{i}"
                y = separable(self._w, F.relu(y), name)
            x = x + y
        x = self._reduce(x, "exit_flow/reduction_block")
        x = F.relu(separable(self._w, x, "exit_flow/separable_conv"))
        return x.mean((2, 3))

    def _reduce(self, x: torch.Tensor, name: str, first: bool = False) -> torch.Tensor:
        y = separable(self._w, x if first else F.relu(x), f"{name}/separable_conv0")
        y = separable(self._w, F.relu(y), f"{name}/separable_conv1")
        y = F.max_pool2d(same(y, 3, 2, fill=-torch.inf), 3, 2)
        return y + conv(self._w, x, f"{name}/expansion_conv", 2)


class FaceApiExpression:
    """``happy(crops)`` on (n, h, h, 3) uint8 FFHQ-aligned crops."""

    def __init__(self, weights: Path) -> None:
        self._w = read_tfjs(weights / FOLDER, "face_expression_model")

    @torch.inference_mode()
    def happy(self, crops: np.ndarray) -> np.ndarray:
        """(n,) log odds of a happy face against the six other expressions."""
        scores = dense(self._w, crops)
        others = [i for i in range(scores.shape[1]) if i != HAPPY]
        return (scores[:, HAPPY] - torch.logsumexp(scores[:, others], 1)).numpy()


class FaceApiLandmarks:
    """68 landmarks in iBUG's order."""

    def __init__(self, weights: Path) -> None:
        self._w = read_tfjs(weights / FOLDER, "face_landmark_68_model")

    @torch.inference_mode()
    def __call__(self, crops: np.ndarray) -> np.ndarray:
        """(n, 68, 2) points in units of the side of what is shown of a crop."""
        return dense(self._w, crops).reshape(len(crops), 68, 2).numpy()

    def mouth(self, crops: np.ndarray) -> np.ndarray:
        """(n,) mean gap of the inner lips over the distance of the eyes."""
        points = self(crops)
        gap = np.linalg.norm(points[:, 61:64] - points[:, 67:64:-1], axis=2).mean(1)
        eyes = points[:, 36:42].mean(1) - points[:, 42:48].mean(1)
        return gap / np.linalg.norm(eyes, axis=1)

    def eyes(self, crops: np.ndarray) -> np.ndarray:
        """(n,) mean gap of the lids over the width of the eye."""
        points = self(crops)
        gaps = [
            np.linalg.norm(points[:, [at + 1, at + 2]] - points[:, [at + 5, at + 4]], axis=2)
            / np.linalg.norm(points[:, at] - points[:, at + 3], axis=1)[:, None]
            for at in (36, 42)
        ]
        return np.concatenate(gaps, 1).mean(1)


def dense(w: Weights, crops: np.ndarray) -> torch.Tensor:
    """Scores of the network of dense blocks that expressions and landmarks share."""
    x = shown(crops) / 255
    for block in range(4):
        x = _dense_block(w, x, f"dense{block}", first=block == 0)
    return x.mean((2, 3)) @ w["fc/weights"] + w["fc/bias"]


def _dense_block(w: Weights, x: torch.Tensor, name: str, first: bool) -> torch.Tensor:
    """Each convolution sees the sum of all before it."""
    total = F.relu((conv if first else separable)(w, x, f"{name}/conv0", 2))
    for i in range(1, 4):
        total = total + separable(w, F.relu(total), f"{name}/conv{i}")
    return F.relu(total)
