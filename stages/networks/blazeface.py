"""BlazeFace, MediaPipe's face detector (Bazarevsky et al. 2019, arXiv 1907.05047).

The network looks at a small square picture and says, for every *anchor*, how likely a face is
there, its box, and six points (the subject's right eye, left eye, nose tip, mouth, right ear,
left ear). Offsets are in input pixels relative to the anchor's centre.

Convention. Boxes and points are (x, y) in pixels of the given image, pixel centres at
half-integers.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from stages.artifacts import F32, U8
from stages.networks.tflite import TfliteNetwork

_POINTS = 6
_OVERLAP = 0.3  # MediaPipe's min_suppression_threshold


class Grid(NamedTuple):
    """``cells`` x ``cells`` anchor centres, each of them ``repeats`` times."""

    cells: int
    repeats: int


@dataclass(frozen=True)
class Variant:
    """One of MediaPipe's detectors: its file, and its anchor grids in output order."""

    file: str
    grids: tuple[Grid, ...]


SHORT_RANGE = Variant("face_detection_short_range.tflite", (Grid(16, 2), Grid(8, 6)))
"""128 x 128 in, 896 anchors; for faces that fill a good part of the picture."""
FULL_RANGE = Variant("face_detection_full_range.tflite", (Grid(48, 1),))
"""192 x 192 in, 2304 anchors; for faces down to about a tenth of the picture."""


class Window(NamedTuple):
    """A square of the picture that the detector looks at. It may reach beyond the edges."""

    x: int
    y: int
    side: int


@dataclass(frozen=True)
class Detections:
    """``box``: (m, 4) x0, y0, x1, y1; ``score``: (m,) in [0, 1]; ``points``: (m, 6, 2)."""

    box: F32
    score: F32
    points: F32


def anchor_centres(grids: tuple[Grid, ...]) -> F32:
    """Anchor centres (n, 2) as fractions of the input square, row by row, grid after grid."""
    parts = []
    for cells, repeats in grids:
        line = (np.arange(cells) + 0.5) / cells
        y, x = np.meshgrid(line, line, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), repeats, axis=0))
    return np.concatenate(parts).astype(np.float32)


def overlaps(box: F32, boxes: F32) -> F32:
    """Intersection over union of one box (4,) with many (m, 4)."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = np.prod(box[2:] - box[:2]) + areas - shared
    return np.asarray(shared / np.maximum(union, 1e-9), np.float32)


def merge_overlapping(found: Detections, overlap: float = _OVERLAP) -> Detections:
    """Weighted non-maximum suppression: each cluster becomes its score-weighted mean.

    BlazeFace's paper (section 5): the mean is steadier over time than the best anchor alone. The
    cluster keeps its best score. Result sorted by score, best first.
    """
    values = np.concatenate([found.box, found.points.reshape(-1, 2 * _POINTS)], axis=1)
    left = np.argsort(-found.score, kind="stable")
    merged, scores = [], []
    while len(left):
        near = overlaps(found.box[left[0]], found.box[left]) > overlap
        near[0] = True
        members = left[near]
        weights = found.score[members].astype(np.float64)
        merged.append(weights @ values[members] / weights.sum())
        scores.append(found.score[left[0]])
        left = left[~near]
    table = np.array(merged, np.float32).reshape(-1, 4 + 2 * _POINTS)
    points = table[:, 4:].reshape(-1, _POINTS, 2)
    return Detections(table[:, :4], np.array(scores, np.float32), points)


def join(parts: list[Detections]) -> Detections:
    """What several windows of one picture have found, one after the other."""
    return Detections(
        np.concatenate([part.box for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.points for part in parts]),
    )


def cut_window(image: U8, window: Window, side: int) -> U8:
    """The window (side, side, 3), black where it reaches beyond the image."""
    height, width = image.shape[:2]
    x0, y0 = max(window.x, 0), max(window.y, 0)
    x1, y1 = min(window.x + window.side, width), min(window.y + window.side, height)
    scale = side / window.side
    # Only the part inside is resized; whole target pixels keep the geometry exact to half a pixel.
    left, top = round((x0 - window.x) * scale), round((y0 - window.y) * scale)
    right, bottom = round((x1 - window.x) * scale), round((y1 - window.y) * scale)
    square = np.zeros((side, side, 3), np.uint8)
    shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    inside = cv2.resize(image[y0:y1, x0:x1], (right - left, bottom - top), interpolation=shrink)
    square[top:bottom, left:right] = inside
    return square


class BlazeFace:
    """One detector variant, loaded from ``folder``."""

    def __init__(self, folder: Path, variant: Variant = FULL_RANGE) -> None:
        self._network = TfliteNetwork(folder / variant.file)
        self._anchors = anchor_centres(variant.grids)

    def __call__(self, image: U8, window: Window, threshold: float = 0.5) -> Detections:
        """Faces in the window with a score of at least ``threshold``, not yet merged.

        ``image``: (H, W, 3) RGB. Boxes are in pixels of the whole image.
        """
        square = cut_window(image, window, self._network.side)
        offsets, logits = self._network(square.astype(np.float32) / np.float32(127.5) - 1)
        score = 1 / (1 + np.exp(-np.clip(logits[:, 0], -80, 80)))
        keep = score >= threshold
        scale = window.side / self._network.side
        offset = offsets[keep].reshape(-1, 2 + _POINTS, 2) * scale
        origin = np.array([window.x, window.y], np.float32)
        centre = self._anchors[keep] * window.side + origin
        middle, half = offset[:, 0] + centre, offset[:, 1] / 2
        box = np.concatenate([middle - half, middle + half], axis=1)
        points = offset[:, 2:] + centre[:, None]
        return Detections(box, score[keep].astype(np.float32), points)
