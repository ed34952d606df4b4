"""Head pose by FSA-Net (Yang et al. 2019): independent of the product's landmarks."""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from tests.judges.yunet import Face

SIZE = 64
AROUND = 1.5
"""Side of what it is shown, over the longer side of the face's box."""


class FsaNet:
    """The mean of the published pair of networks."""

    def __init__(self, weights: Path) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._nets = [
            ort.InferenceSession(
                str(weights / "pose_fsanet" / f"fsanet-{kind}-iter-688590.onnx"),
                options,
                providers=["CPUExecutionProvider"],
            )
            for kind in ("1x1", "var")
        ]

    def yaw(self, rgb: np.ndarray, face: Face) -> float:
        """Degrees, positive when the nose points to the picture's right."""
        return -float(self._angles(rgb, face)[0])

    def pitch(self, rgb: np.ndarray, face: Face) -> float:
        """Degrees, positive when the face looks up."""
        return float(self._angles(rgb, face)[1])

    def _angles(self, rgb: np.ndarray, face: Face) -> np.ndarray:
        """(3,) yaw, pitch and roll as the networks give them."""
        x, y, w, h = face.box
        side = AROUND * max(w, h)
        scale = SIZE / side
        corner = np.array([x + w / 2 - side / 2, y + h / 2 - side / 2])
        matrix = np.array([[scale, 0, -corner[0] * scale], [0, scale, -corner[1] * scale]])
        if scale < 1:
            rgb = cv2.GaussianBlur(rgb, (0, 0), 0.4 / scale)
        shown = cv2.warpAffine(rgb, matrix, (SIZE, SIZE), borderMode=cv2.BORDER_REPLICATE)
        bgr = shown[..., ::-1].astype(np.float32)
        blob = np.ascontiguousarray(((bgr - 127.5) / 128).transpose(2, 0, 1)[None])
        found = [net.run(None, {"input": blob})[0][0] for net in self._nets]
        return np.mean(found, axis=0)
