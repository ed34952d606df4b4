"""Faces of a picture by YuNet: independent of the product's own detector and landmarks.

OpenCV's importer refuses the dynamic model, so ONNX Runtime runs it and the boxes are decoded here.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

STRIDES = (8, 16, 32)


@dataclass(frozen=True)
class Face:
    """One face. ``points``: (5, 2) eyes, nose tip, mouth corners, left to right as seen."""

    box: tuple[float, float, float, float]
    points: np.ndarray
    score: float

    @property
    def area(self) -> float:
        return self.box[2] * self.box[3]


class YuNet:
    """``largest_side`` is what pictures are shrunk to before detection."""

    def __init__(self, weights: Path, largest_side: int = 480, score: float = 0.6) -> None:
        model = weights / "detector_yunet" / "yunet_n_dynamic.onnx"
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._net = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self._names = [output.name for output in self._net.get_outputs()]
        self._side = largest_side
        self._score = score

    def __call__(self, rgb: np.ndarray) -> list[Face]:
        """Faces in an (H, W, 3) uint8 RGB picture, largest first."""
        scale = min(1.0, self._side / max(rgb.shape[:2]))
        small = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        pad_h, pad_w = -small.shape[0] % 32, -small.shape[1] % 32
        bgr = cv2.copyMakeBorder(small[..., ::-1], 0, pad_h, 0, pad_w, cv2.BORDER_CONSTANT)
        blob = np.ascontiguousarray(bgr.transpose(2, 0, 1)[None], dtype=np.float32)
        out = dict(zip(self._names, self._net.run(None, {"input": blob}), strict=True))
        rows = np.concatenate([self._decode(out, s, bgr.shape[1] // s) for s in STRIDES])
        rows = rows[rows[:, 0] > self._score]
        keep = cv2.dnn.NMSBoxes(rows[:, 1:5].tolist(), rows[:, 0].tolist(), self._score, 0.3)
        faces = [
            Face(tuple(row[1:5] / scale), row[5:].reshape(5, 2) / scale, float(row[0]))
            for row in rows[np.asarray(keep, dtype=int).ravel()]
        ]
        return sorted(faces, key=lambda face: -face.area)

    @staticmethod
    def _decode(out: dict[str, np.ndarray], stride: int, columns: int) -> np.ndarray:
        """(cells, 15): score, x, y, w, h, five points in pixels of the padded picture."""
        cls, obj, box, kps = (out[f"{n}_{stride}"][0] for n in ("cls", "obj", "bbox", "kps"))
        cell = np.arange(len(cls))
        grid = np.stack([cell % columns, cell // columns], 1).astype(np.float32)
        score = np.sqrt(np.clip(cls, 0, 1) * np.clip(obj, 0, 1))
        centre = (grid + box[:, :2]) * stride
        size = np.exp(box[:, 2:]) * stride
        points = (grid[:, None] + kps.reshape(-1, 5, 2)) * stride
        return np.hstack([score, centre - size / 2, size, points.reshape(-1, 10)])
