"""Image2StyleGAN++ (Abdal et al. 2020): ``i2s`` with the generator's noise solved for as well.

The original alternates between codes and noise; here both move together, as the code is near from
the start.
"""

from typing import Literal

from pipeline.stage import Context
from stages.inverters.i2s import by_frame
from stages.inverters.interface import InversionMethod, Networks, Progress, Window, silent
from stages.joint_inversion import Inverted


class I2SPlusPlus(InversionMethod):
    """Codes and noise maps of each frame."""

    name: Literal["i2s++"] = "i2s++"

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        return by_frame(self, window, networks, progress, noise=True)
