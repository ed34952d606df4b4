"""Typed artifacts: the weight files of the networks."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.artifact import Artifact


@dataclass(frozen=True)
class WeightFiles(Artifact):
    """Verified weight files of one manifest entry, by member name, in the local cache."""

    name: str
    folder: Path
    sha256: str

    def identity(self) -> str:
        return f"{self.name}:{self.sha256}"


@dataclass(frozen=True)
class GeneratorWeights(WeightFiles):
    """Mapping and synthesis network, as files."""


@dataclass(frozen=True)
class HeadWeights(Artifact):
    """RGB heads for 256 and 512 outputs, fitted to the generator named in ``generator``.

    ``file``: safetensors. ``psnr``: dB on held-back samples, by output size.
    """

    file: Path
    sha256: str
    generator: str
    psnr: tuple[tuple[int, float], ...] = ()

    def identity(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class PerceptualWeights(WeightFiles):
    """The feature network of the perceptual loss."""


@dataclass(frozen=True)
class FaceModelWeights(WeightFiles):
    """Face detector and landmark models."""


@dataclass(frozen=True)
class PersonWeights(WeightFiles):
    """The network that parts people from what is behind them."""


@dataclass(frozen=True)
class AgeGenderWeights(WeightFiles):
    """Networks that estimate apparent age and gender."""
