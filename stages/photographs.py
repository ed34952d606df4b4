"""Stage: the codes of faces in photographs, as an inversion of a clip would find them."""

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image, ImageOps
from pydantic import Field

from pipeline.artifact import Artifact
from pipeline.failure import InputError, NothingToEdit
from pipeline.stage import Context, Resources, Stage
from stages.artifacts import F32, U8
from stages.detect import DetectFaces, FaceFinder
from stages.encode import encode
from stages.encoder_weights import EncoderWeights, load_encoder
from stages.joint_inversion import INVERSION_SIZE, Inverter, invert_jointly, load_inverter
from stages.network_weights import (
    FaceModelWeights,
    GeneratorWeights,
    HeadWeights,
    PerceptualWeights,
)
from stages.networks.encoder import Encoder
from stages.objective import Weights
from stages.quad import crop, ffhq_axes, quad_of


@dataclass(frozen=True)
class Photograph(Artifact):
    """A picture file. ``sha256`` is of its bytes; the path may differ from run to run."""

    path: Path
    sha256: str

    def identity(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class PhotographCodes(Artifact):
    """``w_plus``: (n, rows, style_dim) in the order given. ``psnr``: (n,) dB at 256."""

    w_plus: F32 = field(repr=False)
    psnr: F32


@dataclass(frozen=True)
class Networks:
    """What finds a face and its code."""

    finder: FaceFinder
    encoder: Encoder
    inverter: Inverter


class InvertPhotographs(Stage):
    """Detects the largest face, crops it as FFHQ does, encodes it, and corrects the code."""

    version: ClassVar[int] = 2
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=0.5, memory_gb=3)

    steps: int = Field(default=40, ge=0)
    """Adam steps after the encoder; 0 keeps its codes."""
    rate: float = Field(default=0.05, gt=0)
    """Learning rate."""
    perceptual_size: int = Field(default=128, ge=32)
    """Side at which the perceptual distance is taken."""
    weights: Weights = Weights(consistency=0)
    """Of the objective; photographs are no neighbours in time."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        encoder: EncoderWeights,
        face_models: FaceModelWeights,
        context: Context,
    ) -> Networks:
        return Networks(
            DetectFaces().load(face_models=face_models, context=context),
            load_encoder(encoder.file, generator.name, context.device),
            load_inverter(generator, heads, perceptual, context),
        )

    def run(
        self, loaded: Networks, photographs: list[Photograph], context: Context
    ) -> PhotographCodes:
        # All are looked at before any is inverted: a wrong file is told at once.
        crops = [face_crop(loaded.finder, each.path) for each in photographs]
        codes, psnr = [], []
        for done, one in enumerate(crops):
            found = invert_jointly(
                loaded.inverter,
                one[None],
                encode(loaded.encoder, one[None], context.device),
                None,
                self.weights,
                steps=self.steps,
                rate=self.rate,
                perceptual_size=self.perceptual_size,
            )
            codes.append(found.w_plus[0])
            psnr.append(float(found.psnr[0]))
            context.progress(done + 1, len(crops))
        return PhotographCodes(w_plus=np.stack(codes), psnr=np.array(psnr, np.float32))


def face_crop(finder: FaceFinder, path: Path, size: int = INVERSION_SIZE) -> U8:
    """(size, size, 3) FFHQ crop of the largest face of a picture file.

    Raises:
        InputError: the file is no picture.
        NothingToEdit: it shows no face.
    """
    picture = read_picture(path)
    found = DetectFaces().faces_in(finder, picture, [])
    if not found:
        raise NothingToEdit(f"{path} shows no face.")
    return crop(picture, quad_of(ffhq_axes(found[0].landmarks)), size)


def read_picture(path: Path) -> U8:
    """(h, w, 3) RGB of a picture file, upright.

    Raises:
        InputError: it cannot be read, is no picture, or is too large.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as opened:
                return np.asarray(ImageOps.exif_transpose(opened).convert("RGB"), np.uint8)
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path} is not a picture that can be read.") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{path} has more than {Image.MAX_IMAGE_PIXELS} pixels.") from error
