"""MediaPipe's selfie segmentation: people, apart from what is behind them (a MobileNetV3)."""

import threading
from pathlib import Path

import cv2
import numpy as np

from stages.artifacts import F32
from stages.networks.tflite import TfliteNetwork

FILE = "selfie_segmentation.tflite"


class SelfieSegmentation:
    """Call it with a picture (s, s, 3) float32 RGB in [0, 255]; it returns (side, side) in [0, 1].

    It was trained on people within two metres, head and shoulders or more. Of several threads that
    call it, one waits for the other.
    """

    def __init__(self, folder: Path) -> None:
        self._network = TfliteNetwork(folder / FILE)
        self._lock = threading.Lock()
        self.side = self._network.side

    def __call__(self, picture: F32) -> F32:
        grid = (self.side, self.side)
        small = cv2.resize(picture, grid, interpolation=cv2.INTER_AREA)
        image = np.clip(small / np.float32(255), 0, 1).astype(np.float32)
        with self._lock:
            (person,) = self._network(image)
        return np.clip(person.reshape(grid), 0, 1)
