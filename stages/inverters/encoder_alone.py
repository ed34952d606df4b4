"""The encoder's own codes, with nothing optimised."""

from typing import ClassVar, Literal

from pipeline.stage import Context
from stages.encode import encode
from stages.inverters.interface import (
    InversionMethod,
    Networks,
    Progress,
    Window,
    as_found,
    silent,
)
from stages.joint_inversion import Inverted


class EncoderAlone(InversionMethod):
    """One pass of the encoder. ``steps`` has no say."""

    needs_encoder: ClassVar[bool] = True

    name: Literal["encoder"] = "encoder"

    def invert(
        self, window: Window, networks: Networks, context: Context, progress: Progress = silent
    ) -> Inverted:
        codes = encode(networks.need_encoder(self.name), window.crops, networks.inverter.device)
        return as_found(networks.inverter, codes, window.crops)
