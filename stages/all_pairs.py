"""Flow between all pairs of a window's frames, where neighbours are not enough.

Paper 003's consistency term (eq. 8) sums over all of them. The estimator is the one of
``stages.flow``; what is far apart in time is found less well, and hidden more often.
"""

from dataclasses import replace
from itertools import combinations

import numpy as np

from pipeline.stage import Context
from stages.flow import EstimateFlow
from stages.inversion_artifacts import AlignedFaces
from stages.networks.flow_models import FlowModel
from stages.objective import Pairs


def all_pairs(
    faces: AlignedFaces, estimate: EstimateFlow, model: FlowModel, context: Context
) -> Pairs | None:
    """Every two frames of a window; None when it has but one."""
    both = list(combinations(range(len(faces.frame)), 2))
    if not both:
        return None
    found = [
        estimate.run(
            model,
            replace(faces, frame=faces.frame[[i, j]], crops=faces.crops[[i, j]]),
            context,
        )
        for i, j in both
    ]
    whole = type(found[0])(
        forward=np.concatenate([flow.forward for flow in found]),
        backward=np.concatenate([flow.backward for flow in found]),
        visible=np.concatenate([flow.visible for flow in found]),
        visible_back=np.concatenate([flow.visible_back for flow in found]),
    )
    here, there = zip(*both, strict=True)
    return Pairs.between(whole, slice(None), here, there, context.device)
