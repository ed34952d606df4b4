"""68 landmarks by the face-alignment library (FAN, Bulat and Tzimiropoulos 2017).

Our own detector's boxes are handed to it, so that only its landmark network is loaded. The library
downloads that on first use.
"""

from pathlib import Path
from typing import Any
from urllib.error import URLError

import numpy as np
import torch

from pipeline.failure import MissingDependency
from stages.artifacts import F32, U8
from stages.torchvision_ops import declare_missing_operators

POINTS = 68


class Fan:
    """Raises MissingDependency when library or weights cannot be had."""

    def __init__(self, device: str) -> None:
        declare_missing_operators()
        try:
            import face_alignment
        except ImportError as error:
            raise MissingDependency(
                f"--landmarks fan needs the package face-alignment ({error}): "
                "install it, or use --landmarks mesh"
            ) from error
        try:
            self._network: Any = face_alignment.FaceAlignment(
                face_alignment.LandmarksType.TWO_D,
                device=device,
                # "folder" is its detector that loads no weights; we bring the boxes.
                face_detector="folder",
                compile=False,
            )
        except (OSError, URLError, RuntimeError, EOFError) as error:
            url = face_alignment.api.models_urls["2DFAN-4"]
            folder = Path(torch.hub.get_dir()) / "checkpoints"
            raise MissingDependency(
                f"the weights of face-alignment cannot be had ({error}): put {url} into "
                f"{folder}, or use landmarks=mesh, which needs no download"
            ) from error

    def __call__(self, image: U8, boxes: F32) -> F32:
        """(m, 68, 2) landmarks of the faces in ``boxes`` (m, 4), forehead to chin."""
        if len(boxes) == 0:
            return np.zeros((0, POINTS, 2), np.float32)
        found = self._network.get_landmarks_from_image(image, detected_faces=list(boxes))
        # Its points are centres of heat map cells, mapped linearly: they follow our convention.
        return np.stack(found).astype(np.float32)
