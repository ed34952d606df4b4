"""Image2StyleGAN (Abdal et al. 2019): each frame by itself, in W+, nothing held together."""

from typing import Literal

from pipeline.stage import Context
from stages.coupling import Coupling
from stages.inverters.interface import InversionMethod, Networks, Progress, Window, silent
from stages.joint_inversion import Inverted, invert_jointly


class I2S(InversionMethod):
    """Pixel and perceptual terms only, a code for each frame."""

    name: Literal["i2s"] = "i2s"

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        return by_frame(self, window, networks, progress)


def by_frame(
    method: InversionMethod,
    window: Window,
    networks: Networks,
    progress: Progress,
    *,
    noise: bool = False,
) -> Inverted:
    """All frames of a window at once, with no term that sees two of them and no prior."""
    weights = method.weights.model_copy(update={"consistency": 0.0, "spread": 0.0, "step": 0.0})
    return invert_jointly(
        networks.inverter,
        window.crops,
        window.start,
        None,
        weights,
        steps=method.steps,
        rate=method.rate,
        perceptual_size=method.perceptual_size,
        coupling=Coupling(access="none", consistency="none", noise=noise),
        progress=progress,
    )
