"""Ours: the frames of a window together (paper 003), and, by its switches, every ablation of it."""

from typing import Literal

from pipeline.stage import Context
from stages.all_pairs import all_pairs
from stages.coupling import Coupling, Reach
from stages.flow import EstimateFlow
from stages.inverters.interface import InversionMethod, Networks, Progress, Window, silent
from stages.joint_inversion import Inverted, invert_jointly
from stages.objective import Pairs, Weights

OURS = Coupling(
    anchor="mean",
    step_rate=0.2,
    consistency="residual",
    axes="principal",
    shared_rate=2,
    row_rate=0.3,
)
OUR_WEIGHTS = Weights(consistency=10)


class Joint(InversionMethod):
    """A base code and steps in W+, consistency across frames, priors."""

    name: Literal["joint"] = "joint"
    weights: Weights = OUR_WEIGHTS
    """Of the objective."""
    coupling: Coupling = OURS
    """How frames hold together."""
    reach: Reach = "neighbours"
    """Which frames are compared with each other along the flow."""

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        return invert_jointly(
            networks.inverter,
            window.crops,
            window.start,
            self._pairs(window, context),
            self.weights,
            steps=self.steps,
            rate=self.rate,
            perceptual_size=self.perceptual_size,
            coupling=self.coupling,
            progress=progress,
        )

    def _pairs(self, window: Window, context: Context) -> Pairs | None:
        if self.reach == "all":
            estimate = EstimateFlow()
            return all_pairs(window.faces, estimate, estimate.load(context), context)
        return Pairs.of(window.flow, 0, len(window.crops), context.device)


def _but(**part: object) -> Coupling:
    return OURS.model_copy(update=part)


ABLATION: dict[str, Joint] = {
    "joint": Joint(),
    "no mutual access": Joint(
        coupling=_but(access="none"), weights=OUR_WEIGHTS.model_copy(update={"step": 0.0})
    ),
    "directions in W": Joint(coupling=_but(access="w")),
    "no consistency": Joint(coupling=_but(consistency="none")),
    "cross-frame consistency": Joint(coupling=_but(consistency="cross_frame")),
    "literal consistency": Joint(coupling=_but(consistency="literal")),
    "axes of W": Joint(coupling=_but(axes="w")),
    "rows apart": Joint(coupling=_but(shared_rate=0)),
    "base at the first frame": Joint(coupling=_but(anchor="first")),
    "all pairs": Joint(reach="all"),
    "joint++": Joint(coupling=_but(noise=True)),
}
"""Our settings with one part changed each (paper 003, tables 6 and 7), and with noise."""
