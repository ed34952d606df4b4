"""What an evaluation takes beside clips, and what it comes to."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pipeline.artifact import Artifact
from stages.artifacts import check
from stages.network_weights import WeightFiles

Region = Literal["overall", "face", "outside"]
Better = Literal["higher", "lower", "one"]


@dataclass(frozen=True)
class NiqeWeights(WeightFiles):
    """The Gaussian of pristine pictures that NIQE compares with."""


@dataclass(frozen=True)
class LpipsWeights(WeightFiles):
    """VGG-16, the backbone of LPIPS."""


@dataclass(frozen=True)
class IdentityWeights(Artifact):
    """A user's checkpoint of a recognition network, see ``stages.networks.mobilefacenet``."""

    file: Path
    sha256: str

    def identity(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class Figure:
    """One number about a result beside its source.

    ``region``: "face" is the aligned crop of each chosen face, "outside" all that no crop covers.
    ``value`` is None where there is none, and ``note`` says why. ``source``: the same measure of
    the source by itself. ``ratio``: value over source. ``better`` is said of the ratio where there
    is one. ``count``, ``spread``, ``worst`` and ``worst_frame`` are of the frames' (pairs' of
    frames, faces') own values: how many, their standard deviation, and which is the worst.
    """

    name: str
    region: Region
    value: float | None
    better: Better
    unit: str = ""
    source: float | None = None
    ratio: float | None = None
    count: int = 0
    spread: float | None = None
    worst: float | None = None
    worst_frame: int | None = None
    note: str = ""

    def __post_init__(self) -> None:
        check(self.value is not None or bool(self.note), f"{self.name} is missing without a reason")


@dataclass(frozen=True)
class Evaluation(Artifact):
    """A result measured against its source.

    ``faces``: chosen faces, one a frame each, in the source. ``lost``: how many of them the mesh
    does not find in the result.
    """

    frames: int
    width: int
    height: int
    faces: int
    lost: int
    figures: tuple[Figure, ...] = field(repr=False)

    def figure(self, name: str, region: Region) -> Figure:
        """The figure of that name and region. Raises KeyError when it was not measured."""
        for figure in self.figures:
            if (figure.name, figure.region) == (name, region):
                return figure
        raise KeyError(f"{name}, {region}")
