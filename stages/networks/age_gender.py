"""Apparent age and gender of aligned faces: dlib-models' CC0 networks, as ONNX.

The networks were trained on dlib "face chips" (padding 0.2). Their own front end finds five
landmarks to cut a chip; ours need not: a crop in FFHQ alignment holds the eyes and the mouth at
fixed places, so the chip is a fixed box of it (against dlib on 28 photographs: correlation of
the ages 0.98, mean difference 0.7 years). dlib's mean face has the eyes 0.375 of a chip
apart and at 0.30 of its height; FFHQ's quad has them 0.25 of the crop apart and at 0.47
of its height. So a chip is 2/3 of the crop wide, centred in x, and begins at 0.28 in y.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

AGE_FILE = "age-v1.onnx"
GENDER_FILE = "gender-v1.onnx"
MEAN_RGB = np.array([122.781998, 117.000999, 104.298], dtype=np.float32)
YEARS = np.array([0.25, *range(1, 81)], dtype=np.float32)
CHIP_SHARE = 2 / 3
CHIP_TOP = 27 / 96
BATCH = 32


class AgeGender:
    """Both networks, loaded once. Estimates saturate at 80 years."""

    def __init__(self, folder: Path, threads: int = 0) -> None:
        """Load the two ONNX files from ``folder``.

        Args:
            folder: holds ``age-v1.onnx`` and ``gender-v1.onnx``.
            threads: of one network; 0 lets ONNX Runtime choose, 1 is single-threaded.
        """
        self._age = _session(folder / AGE_FILE, threads)
        self._gender = _session(folder / GENDER_FILE, threads)

    def age(self, crops: U8) -> F32:
        """Expected age in years: the mean of the network's distribution over 81 classes.

        Args:
            crops: (n, h, h, 3) uint8 RGB in FFHQ alignment, h of 96 or more.

        Returns:
            (n,) float32 in [0.25, 80].
        """
        return _run(self._age, face_chips(crops, 64)) @ YEARS

    def gender(self, crops: U8) -> F32:
        """Probability that the face is seen as male.

        Args:
            crops: (n, h, h, 3) uint8 RGB in FFHQ alignment, h of 96 or more.

        Returns:
            (n,) float32 in [0, 1].
        """
        return np.ascontiguousarray(_run(self._gender, face_chips(crops, 32))[:, 1])


def face_chips(crops: U8, size: int) -> U8:
    """Cut the part of FFHQ-aligned crops that a dlib face chip shows.

    Args:
        crops: (n, h, h, 3) uint8, square.
        size: side of the chips; a multiple of 32.

    Returns:
        (n, size, size, 3) uint8, area-averaged.

    Raises:
        ValueError: the crops are not square uint8 RGB pictures at least as large as needed.
    """
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[3] != 3:
        raise ValueError(f"crops must be uint8 (n, h, h, 3), got {crops.dtype} {crops.shape}")
    full = round(size / CHIP_SHARE)
    height, width = crops.shape[1:3]
    if height != width or height < full:
        raise ValueError(f"crops must be square and at least {full} pixels, got {width}x{height}")
    left, top = (full - size) // 2, round(full * CHIP_TOP)
    chips = np.empty((len(crops), size, size, 3), dtype=np.uint8)
    for chip, crop in zip(chips, crops, strict=True):
        small = cv2.resize(crop, (full, full), interpolation=cv2.INTER_AREA)
        chip[...] = small[top : top + size, left : left + size]
    return chips


def _session(path: Path, threads: int) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, chips: U8) -> F32:
    """Class probabilities, (n, classes); a few chips at a time, so that memory is bounded."""
    # The networks' own scaling is by 256, not 255.
    values = ((chips.astype(np.float32) - MEAN_RGB) / 256.0).transpose(0, 3, 1, 2)
    name = session.get_inputs()[0].name
    parts = [
        session.run(None, {name: np.ascontiguousarray(values[i : i + BATCH])})[0]
        for i in range(0, len(values), BATCH)
    ]
    classes = session.get_outputs()[0].shape[1]
    return np.concatenate([np.empty((0, classes), np.float32), *parts])
