"""MediaPipe's face mesh: 468 points of one face (Kartynnik et al. 2019, arXiv 1907.06724).

It wants the face upright in the middle of a 192 x 192 crop, 1.5 times as large as the face, and
answers with points in crop pixels and a logit "there is a face". Fed with its own last points
instead of a detector's box it is much steadier.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from stages.artifacts import F32, F64, U8
from stages.networks.blazeface import Detections
from stages.networks.tflite import TfliteNetwork
from stages.quad import Axes, apply_affine, crop, quad_of, rot90, square_to_quad

FILE = "face_landmark.tflite"
POINTS = 468
_MARGIN = 1.5
_EYE_CORNERS = (33, 263)


@dataclass(frozen=True)
class Mesh:
    """``landmarks``: (468, 2) in pixels of the picture; ``confidence`` in [0, 1]."""

    landmarks: F32
    confidence: float

    @property
    def box(self) -> F32:
        """(4,) x0, y0, x1, y1 around all points: hairline to chin."""
        low, high = self.landmarks.min(axis=0), self.landmarks.max(axis=0)
        return np.concatenate([low, high]).astype(np.float32)


def quad_of_detection(found: Detections, row: int) -> F64:
    """(4, 2) first crop: about the detector's box, turned so that its eyes are level."""
    box = found.box[row].astype(np.float64)
    eyes = found.points[row, :2].astype(np.float64)
    half = max(box[2] - box[0], box[3] - box[1]) / 2 * _MARGIN
    return quad_of(Axes((box[:2] + box[2:]) / 2, _direction(eyes[1] - eyes[0]) * half))


def quad_of_landmarks(landmarks: F32) -> F64:
    """(4, 2) crop about known points: their extent along and across the line of the eyes."""
    points = landmarks.astype(np.float64)
    right = _direction(points[_EYE_CORNERS[1]] - points[_EYE_CORNERS[0]])
    frame = np.stack([right, rot90(right)])
    turned = points @ frame.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    centre = (low + high) / 2 @ frame
    return quad_of(Axes(centre, right * (high - low).max() / 2 * _MARGIN))


class FaceMesh:
    """The mesh network, loaded from ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._network = TfliteNetwork(folder / FILE)

    def __call__(self, image: U8, quad: F64) -> Mesh:
        """The mesh of the face in the crop. ``image``: (H, W, 3) RGB; ``quad``: (4, 2)."""
        side = self._network.side
        square = crop(image, quad, side, cv2.BORDER_REPLICATE)
        values, logit = self._network(square.astype(np.float32) / np.float32(255))
        in_crop = values.reshape(POINTS, 3)[:, :2]
        landmarks = apply_affine(square_to_quad(quad, side), in_crop).astype(np.float32)
        return Mesh(landmarks, float(1 / (1 + np.exp(-logit.ravel()[0]))))


def _direction(v: F64) -> F64:
    return np.asarray(v / max(float(np.linalg.norm(v)), 1e-9))
