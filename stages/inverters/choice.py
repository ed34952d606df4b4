"""All inverters, by the names they are chosen by."""

from typing import Annotated, get_args

from pydantic import Field

from pipeline.failure import UsageError
from stages.inverters.encoder_alone import EncoderAlone
from stages.inverters.finetune import FineTune
from stages.inverters.i2s import I2S
from stages.inverters.i2s_plus_plus import I2SPlusPlus
from stages.inverters.in_domain import InDomain
from stages.inverters.joint import ABLATION, Joint

AnyMethod = Annotated[
    Joint | I2S | I2SPlusPlus | InDomain | EncoderAlone | FineTune, Field(discriminator="name")
]
"""Settings of any inverter; ``name`` says which."""

_Kind = (
    type[Joint]
    | type[I2S]
    | type[I2SPlusPlus]
    | type[InDomain]
    | type[EncoderAlone]
    | type[FineTune]
)
METHODS: dict[str, _Kind] = {
    kind.model_fields["name"].default: kind for kind in get_args(get_args(AnyMethod)[0])
}


def find_method(name: str) -> AnyMethod:
    """The inverter of that name with its defaults, or ours with the part of that name changed.

    Raises:
        UsageError: there is none.
    """
    if name in ABLATION:
        return ABLATION[name]
    if name not in METHODS:
        names = ", ".join([*METHODS, *ABLATION])
        raise UsageError(f"The inverter {name!r} is unknown: {names} can be had.")
    return METHODS[name]()
