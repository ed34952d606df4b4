"""Stage: optical flow between neighbouring crops, both ways, with occlusion masks."""

from itertools import pairwise
from typing import ClassVar

import cv2
import numpy as np
from pydantic import Field

from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32
from stages.inversion_artifacts import AlignedFaces, Flow
from stages.metrics.warp_error import visible
from stages.networks.flow_models import FlowModel, load_flow_model


class EstimateFlow(Stage):
    """Flow from crop i to crop i+1 and back; what does not return where it began is occluded.

    ``model`` is "dis" (OpenCV's DIS, no weights) or the name of any ptlflow model.
    """

    resources: ClassVar[Resources] = Resources(cpus=1, memory_gb=0.5)

    model: str = "dis"
    """dis, or a ptlflow model such as raft_small or rpknet."""
    checkpoint: str = "things"
    """Of a ptlflow model: a name it knows or a local file."""
    size: int = Field(default=128, gt=0)
    """Grid that the flow is kept on, in pixels across the crop."""

    def load(self, context: Context) -> FlowModel:
        return load_flow_model(self.model, self.checkpoint, context.device)

    def run(self, loaded: FlowModel, faces: AlignedFaces, context: Context) -> Flow:
        crops = faces.crops
        forward = [self._kept(loaded(a, b)) for a, b in pairwise(crops)]
        backward = [self._kept(loaded(b, a)) for a, b in pairwise(crops)]
        pairs = list(zip(forward, backward, strict=True))
        s = self.size
        return Flow(
            forward=np.array(forward, np.float16).reshape(-1, s, s, 2),
            backward=np.array(backward, np.float16).reshape(-1, s, s, 2),
            visible=np.array([visible(f, b) for f, b in pairs], bool).reshape(-1, s, s),
            visible_back=np.array([visible(b, f) for f, b in pairs], bool).reshape(-1, s, s),
        )

    def _kept(self, flow: F32) -> F32:
        """On the grid that is kept, in its pixels."""
        shrink = self.size / flow.shape[0]
        small = cv2.resize(flow, (self.size, self.size), interpolation=cv2.INTER_AREA)
        return np.asarray(small * shrink, np.float32)
