"""Read the constants of an OpenVINO IR v10 file pair (XML graph, BIN weights) as tensors."""

import math
import xml.etree.ElementTree as ElementTree  # the files are pinned by sha256, not user input
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch


@dataclass(frozen=True)
class IRConstant:
    """One ``Const`` layer: its name in the graph and its value."""

    name: str
    value: torch.Tensor


def read_constants(folder: Path, stem: str) -> list[IRConstant]:
    """Return the fp32 constants of ``folder/stem.{xml,bin}`` in graph order.

    Raises:
        ValueError: a constant points outside the weight file.
    """
    layers = ElementTree.parse(folder / f"{stem}.xml").getroot().find("layers")  # noqa: S314
    blob = (folder / f"{stem}.bin").read_bytes()
    if layers is None:
        raise ValueError(f"{stem}.xml has no layers")
    constants = []
    for layer in layers:
        data = layer.find("data")
        if layer.get("type") != "Const" or data is None or data.get("element_type") != "f32":
            continue
        shape = [int(n) for n in (data.get("shape") or "").split(",") if n.strip()]
        offset, count = int(data.get("offset", "0")), math.prod(shape)
        if offset + 4 * count > len(blob):
            raise ValueError(f"constant {layer.get('name')} lies outside {stem}.bin")
        array = np.frombuffer(blob, dtype="<f4", count=count, offset=offset)
        value = torch.from_numpy(array.copy()).reshape(shape)
        constants.append(IRConstant(layer.get("name", ""), value))
    return constants
