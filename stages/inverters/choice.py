"""All inverters, by the names they are chosen by."""

from typing import Annotated, get_args

from pydantic import Field

from pipeline.failure import UsageError
from stages.inverters.encoder_alone import EncoderAlone
from stages.inverters.finetune import FineTune
from stages.inverters.i2s import I2S
from stages.inverters.i2s_plus_plus import I2SPlusPlus
from stages.inverters.in_domain import InDomain
from stages.inverters.interface import InversionMethod
from stages.inverters.joint import Joint

AnyMethod = Annotated[
    Joint | I2S | I2SPlusPlus | InDomain | EncoderAlone | FineTune, Field(discriminator="name")
]
"""Settings of any inverter; ``name`` says which."""

METHODS: dict[str, type[InversionMethod]] = {
    kind.model_fields["name"].default: kind for kind in get_args(get_args(AnyMethod)[0])
}


def find_method(name: str) -> type[InversionMethod]:
    """The inverter of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in METHODS:
        raise UsageError(f"The inverter {name!r} is unknown: {', '.join(METHODS)} can be had.")
    return METHODS[name]
