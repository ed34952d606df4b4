"""Optical flow estimators behind one signature: OpenCV's DIS, or any model of ptlflow.

Convention. ``model(a, b)`` takes two (h, w, 3) uint8 RGB pictures and returns (h, w, 2) float32, x
then y, in pixels: pixel p of ``a`` is found at p + flow(p) in ``b``.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch

from pipeline.failure import MissingDependency, UsageError
from stages.artifacts import F32, U8
from stages.metrics.warp_error import dis_flow

FlowModel = Callable[[U8, U8], F32]


def load_flow_model(name: str, checkpoint: str, device: str) -> FlowModel:
    """The estimator of that name.

    Raises:
        UsageError: neither dis nor a model that ptlflow knows.
        MissingDependency: the model's checkpoint is not on this machine and cannot be fetched.
    """
    if name == "dis":
        cv2.setNumThreads(1)
        return dis_flow
    from stages.torchvision_ops import declare_missing_operators

    declare_missing_operators()
    import ptlflow

    if name not in ptlflow.get_model_names():
        raise UsageError(f"Flow model {name!r} is unknown: use dis or one that ptlflow lists.")
    try:
        model = ptlflow.get_model(name, ckpt_path=checkpoint).eval().to(device)
    except Exception as error:  # ptlflow raises whatever its download does
        raise MissingDependency(
            f"The checkpoint {checkpoint!r} of flow model {name!r} cannot be had ({error}). "
            "Give a local checkpoint file, or use the flow model dis, which needs none."
        ) from error

    @torch.no_grad()
    def estimate(a: U8, b: U8) -> F32:
        # ptlflow's models take BGR, as OpenCV reads it, and turn it to what they were trained on.
        pair = np.stack((a, b))[..., ::-1].transpose(0, 3, 1, 2)[None].astype(np.float32) / 255
        flows = model({"images": torch.from_numpy(pair).to(device)})["flows"]
        return np.asarray(flows[0, 0].permute(1, 2, 0).cpu().numpy(), np.float32)

    return estimate
