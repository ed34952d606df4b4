"""Stage: samples of the generator with labels, from which directions are fitted."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from pipeline.artifact import Artifact
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.detect import DetectFaces, FaceFinder
from stages.glasses import glasses_edge
from stages.joint_inversion import load_generator
from stages.network_weights import AgeGenderWeights, FaceModelWeights, GeneratorWeights, HeadWeights
from stages.networks.age_gender import AgeGender
from stages.networks.rgb_head import RenderableGenerator
from stages.skin import skin_lab
from stages.yaw import yaw_of

SIZE = 256
"""Side of the pictures that are labelled: the age model looks at 64 pixels of them."""
LabelName = Literal[
    "age", "gender", "yaw", "mouth", "smile", "lightness", "redness", "yellowness", "glasses"
]
LABELS: tuple[LabelName, ...] = get_args(LabelName)


@dataclass(frozen=True)
class LabelledSamples(Artifact):
    """``w``: (n, style_dim). ``labels``: (n, 9) in the order of ``LABELS``, nan where none.

    Years; logit of being seen as male; degrees of turn; opening of the mouth and width of the
    mouth, both over the distance of the eyes; CIELAB L*, a* and b* of the cheeks; log of
    the edge that glasses make across the nose.
    """

    generator: str
    w: F32 = field(repr=False)
    labels: F32 = field(repr=False)


@dataclass(frozen=True)
class Labellers:
    """The networks of this stage."""

    generator: RenderableGenerator
    ages: AgeGender
    finder: FaceFinder


def render_256(generator: RenderableGenerator, w_plus: Tensor) -> U8:
    """(n, 256, 256, 3) uint8 from the 256 head, one code at a time."""
    with torch.no_grad():
        images = torch.cat([generator(code, SIZE) for code in w_plus.chunk(len(w_plus))])
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round()
    return np.asarray(pixels.permute(0, 2, 3, 1).cpu().numpy(), np.uint8)


def label(labellers: Labellers, crops: U8) -> F32:
    """(n, 9) labels of aligned crops (n, 256, 256, 3)."""
    male = np.clip(labellers.ages.gender(crops), 1e-4, 1 - 1e-4)
    seen = np.array([_of_mesh(labellers.finder, crop) for crop in crops], np.float32)
    return np.column_stack([labellers.ages.age(crops), np.log(male / (1 - male)), seen]).astype(
        np.float32
    )


def _of_mesh(finder: FaceFinder, crop: U8) -> tuple[float, ...]:
    """All labels that need landmarks: nan where there is no face."""
    found = DetectFaces().faces_in(finder, crop, [])
    if not found:
        return (np.nan,) * (len(LABELS) - 2)
    points = found[0].landmarks
    eyes = np.linalg.norm(points[[33, 133]].mean(0) - points[[362, 263]].mean(0))
    opening = np.linalg.norm(points[13] - points[14]) / eyes
    width = np.linalg.norm(points[61] - points[291]) / eyes
    geometry = (float(yaw_of(points[None])[0]), float(opening), float(width))
    return (*geometry, *skin_lab(crop, points), glasses_edge(crop, points))


class LabellingStage(Stage):
    """What stages that render and label samples share."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=2)

    seed: int = 0
    """Of the samples."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        age_gender: AgeGenderWeights,
        face_models: FaceModelWeights,
        context: Context,
    ) -> Labellers:
        return Labellers(
            load_generator(generator, heads, context),
            AgeGender(age_gender.folder, context.threads),
            DetectFaces().load(face_models=face_models, context=context),
        )


class LabelSamples(LabellingStage):
    """Draws codes from the mapping network, renders them and labels the faces."""

    version: ClassVar[int] = 3

    samples: int = Field(default=3000, gt=10)
    """How many."""
    psi: float = Field(default=0.8, gt=0, le=1)
    """Distance from the mean latent, as a share of the sample's own."""

    def run(
        self, loaded: Labellers, generator: GeneratorWeights, context: Context
    ) -> LabelledSamples:
        model = loaded.generator.generator
        random = torch.Generator().manual_seed(self.seed)
        z = torch.randn(self.samples, model.shape.style_dim, generator=random)
        mean = model.mean_latent()
        with torch.no_grad():
            w = mean + self.psi * (model.mapping(z) - mean)
        labels = []
        for chunk in w.split(8):
            labels.append(label(loaded, render_256(loaded.generator, model.broadcast(chunk))))
            context.progress(8 * len(labels), self.samples)
        return LabelledSamples(generator=generator.name, w=w.numpy(), labels=np.concatenate(labels))
