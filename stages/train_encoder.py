"""Stages: train the encoder. A chain, each node some steps on from the one before.

Self-supervised on the generator's own faces, x = G(M(z)), as in "Disentangled Style Encoding"
(paper 002) and "Fine-tuning GAN Encoders" (004): first on codes, which costs no pass of the
generator, then on images through it. Real photographs, where given, are learned from by
reconstruction alone (the second loss of "CRG", seed 000).
"""

import hashlib
import json
from dataclasses import asdict
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from pipeline.stage import Context, Resources, Stage
from stages.data_parallel import together
from stages.encoder_bank import EncoderBank
from stages.encoder_data import Faces, alter, roughen, to_images
from stages.encoder_loss import LATENT, image_terms, latent_terms
from stages.encoder_photos import AlignedPhotos, read_photos
from stages.encoder_sensitivity import Sensitivity
from stages.encoder_state import CurvePoint, EncoderState, Training
from stages.encoder_weights import EncoderFigures, EncoderWeights, prepare, save_encoder
from stages.joint_inversion import INVERSION_SIZE, Inverter, load_inverter
from stages.network_weights import GeneratorWeights, HeadWeights, PerceptualWeights
from stages.networks.encoder import INPUT, Encoder, complete
from stages.networks.mobile_stylegan import load_mobile_stylegan


class StartEncoder(Stage):
    """ImageNet's trunk, heads that answer the mean latent."""

    seed: int = 0
    """Of the heads' weights."""

    @torch.no_grad()
    def run(
        self, generator: GeneratorWeights, perceptual: PerceptualWeights, context: Context
    ) -> EncoderState:
        model = load_mobile_stylegan(generator.folder)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            encoder = Encoder(model.shape)
        encoder.trunk.load_imagenet(perceptual.folder)
        random = torch.Generator().manual_seed(self.seed)
        w = model.mapping(torch.randn(4096, model.shape.style_dim, generator=random))
        encoder.mean.copy_(model.mean_latent())
        encoder.scale.copy_(w.std(dim=0))
        return Training(encoder).write(generator.name, context.scratch / "state.safetensors")


class TrainingStage(Stage):
    """What both phases share. A node is some steps; its learning rate goes from one to another."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=5)

    steps: int = Field(default=100, gt=0)
    """In this node."""
    rate: float = Field(default=1e-3, gt=0)
    """Adam's, at the first step."""
    end_rate: float = Field(default=1e-3, gt=0)
    """At the last step."""
    seed: int = 0
    """Of the order of the faces and of their roughening."""

    def rate_at(self, step: int) -> float:
        """Linear from ``rate`` to ``end_rate``."""
        return self.rate + (self.end_rate - self.rate) * step / max(self.steps - 1, 1)

    def _ended(
        self, phase: str, training: Training, state: EncoderState, losses: list[float], to: Context
    ) -> EncoderState:
        mean = round(float(np.mean(losses)), 5)
        point = CurvePoint(phase, training.steps, training.seen, self.end_rate, mean)
        file = to.scratch / "state.safetensors"
        return training.write(state.generator, file, (*state.curve, point))


class CodeTerms:
    """What a wrong code costs, estimated without a pass of the generator.

    Both parts are relative to what the mean latent scores on the same bank.
    """

    def __init__(self, sensitivity: Sensitivity, faces: Faces, encoder: Encoder) -> None:
        self.probes = sensitivity.matrix()
        some = faces.codes(range(min(len(faces), 512)))
        mean = encoder.mean.expand_as(some)
        self.unit, self.latent_unit = self._shown(some - mean), latent_terms(mean, some)

    def _shown(self, difference: Tensor) -> Tensor:
        return (difference.flatten(1) @ self.probes).square().mean()

    def __call__(self, found: Tensor, codes: Tensor, latent: float) -> tuple[float, Tensor]:
        """The image terms' estimate alone, and with ``latent`` of the latent terms."""
        shown = self._shown(found - codes) / self.unit
        loss = shown + latent * latent_terms(found, codes) / self.latent_unit
        return float(shown.detach()), loss


class TrainOnCodes(TrainingStage):
    """Steps on the codes alone: what shows in the image counts, see ``encoder_sensitivity``."""

    batch: int = Field(default=16, gt=1)
    """Faces a step."""
    latent: float = Field(default=0.25, ge=0)
    """Weight of the papers' latent terms beside the image terms' estimate."""

    def run(
        self,
        state: EncoderState,
        bank: list[EncoderBank],
        sensitivity: Sensitivity,
        context: Context,
    ) -> EncoderState:
        if context.threads:
            torch.set_num_threads(context.threads)
        training, faces = Training.read(state), Faces(bank)
        encoder = training.encoder.train()
        terms = CodeTerms(sensitivity, faces, encoder)
        random = torch.Generator().manual_seed(self.seed + training.seen)
        order = faces.order(training.seen, self.steps * self.batch, self.seed)
        losses = []
        for step in range(self.steps):
            part = order[step * self.batch : (step + 1) * self.batch]
            images = F.interpolate(faces.images(part), (INPUT, INPUT), mode="area")
            codes = faces.codes(part)
            found = encoder.free(roughen(images, random))
            shown, loss = terms(found, codes, self.latent)
            losses.append(shown)
            loss.backward()  # type: ignore[no-untyped-call]
            training.step(self.rate_at(step), self.batch)
            context.progress(step + 1, self.steps)
        return self._ended("codes", training, state, losses, context)


class TrainOnImages(TrainingStage):
    """Steps on the image terms, through the frozen generator. Batch statistics stay as they are.

    Several workers take each step together, a chunk at a time each; what is drawn for a chunk does
    not depend on who takes it.
    """

    version: ClassVar[int] = 3
    resources: ClassVar[Resources] = Resources(cpus=2, gpus=1, memory_gb=5)

    workers: int = Field(default=1, ge=1, exclude=True)
    """That share each step, where the pool has them: ``stages.data_parallel``."""
    batch: int = Field(default=8, gt=0)
    """Faces a step."""
    chunk: int = Field(default=4, gt=0)
    """Faces at a time."""
    altered: int = Field(default=2, ge=0)
    """Of each chunk, faces that are altered and learned from by reconstruction alone."""
    photos_every: int = Field(default=2, gt=1)
    """Where photographs are given, every so manieth step is one on them."""
    size: int = Field(default=INVERSION_SIZE, ge=32)
    """Of the images that are compared: the inversion's, or 128, which takes half the time."""

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context)

    def run(
        self,
        loaded: Inverter,
        state: EncoderState,
        bank: list[EncoderBank],
        context: Context,
        photos: AlignedPhotos | None = None,
    ) -> EncoderState:
        training, faces = Training.read(state, context.device), Faces(bank)
        encoder = training.encoder.eval()
        pictures = None if photos is None else to_images(read_photos(photos))
        order = faces.order(training.seen, self.steps * self.batch, self.seed)
        losses = []
        with together(context) as group:
            for step in range(self.steps):
                part = order[step * self.batch : (step + 1) * self.batch]
                real = pictures is not None and step % self.photos_every == 0
                total = 0.0
                for first in group.mine(range(0, self.batch, self.chunk)):
                    some = part[first : first + self.chunk]
                    random = self._random(training.seen + first)
                    if real and pictures is not None:
                        images, codes = pictures[[i % len(pictures) for i in some]], None
                    else:
                        images, plain = faces.images(some), some[self.altered :]
                        images[: self.altered] = alter(images[: self.altered], random)
                        codes = faces.codes(plain) if plain else None
                    image_loss, loss = self._losses(loaded, encoder, images, codes, random)
                    share = len(some) / self.batch
                    (share * loss).backward()  # type: ignore[no-untyped-call]
                    total += share * image_loss
                losses.append(group.add_up(encoder.parameters(), total))
                training.step(self.rate_at(step), self.batch)
                context.progress(step + 1, self.steps)
        return self._ended("images", training, state, losses, context)

    @property
    def workers_wanted(self) -> int:
        return self.workers

    def _random(self, seen: int) -> torch.Generator:
        """For the chunk that begins after so many faces."""
        words = np.random.SeedSequence((self.seed, seen)).generate_state(1, np.uint64)
        return torch.Generator().manual_seed(int(words[0]) >> 1)

    def _losses(
        self,
        loaded: Inverter,
        encoder: Encoder,
        images: Tensor,
        codes: Tensor | None,
        random: torch.Generator,
    ) -> tuple[float, Tensor]:
        """The image terms, and all terms. ``codes``: of the last faces, where they are known."""
        seen = F.interpolate(images, (INPUT, INPUT), mode="area")
        found = encoder.free(roughen(seen, random).to(loaded.device))
        render = loaded.generator(complete(found, encoder.shape), self.size)
        wanted = F.interpolate(images, (self.size, self.size), mode="area").to(loaded.device)
        loss = image_terms(render, wanted, loaded.perceptual)
        if codes is None:
            return float(loss.detach()), loss
        known = latent_terms(found[-len(codes) :], codes.to(loaded.device))
        return float(loss.detach()), loss + LATENT * known


class FinishEncoder(Stage):
    """The encoder in half precision, measured on held-back faces as the file has it."""

    resources: ClassVar[Resources] = Resources(cpus=2, memory_gb=3)

    def load(
        self,
        generator: GeneratorWeights,
        heads: HeadWeights,
        perceptual: PerceptualWeights,
        context: Context,
    ) -> Inverter:
        return load_inverter(generator, heads, perceptual, context)

    @torch.no_grad()
    def run(
        self, loaded: Inverter, state: EncoderState, held_back: EncoderBank, context: Context
    ) -> EncoderWeights:
        encoder = Training.read(state).encoder
        for value in (*encoder.parameters(), *encoder.buffers()):
            if value.is_floating_point():
                value.copy_(value.half().float())
        file, curve = context.scratch / "encoder.safetensors", context.scratch / "curve.json"
        save_encoder(encoder, state.generator, file)
        figures = measure(prepare(encoder), loaded, Faces([held_back]))
        points = [asdict(point) for point in state.curve]
        curve.write_text(json.dumps({"curve": points, "held_back": asdict(figures)}, indent=1))
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        return EncoderWeights(file, digest, state.generator, curve, figures)


@torch.no_grad()
def measure(encoder: Encoder, loaded: Inverter, faces: Faces) -> EncoderFigures:
    """Errors of the encoder's and of the mean latent's render, over faces."""
    size = min(INVERSION_SIZE, encoder.shape.size)
    still = loaded.generator(loaded.generator.generator.broadcast(encoder.mean[None]), size)
    mse, mean_mse, psnr = [], [], []
    for first in range(0, len(faces), 8):
        images = faces.images(range(first, min(first + 8, len(faces))))
        render = loaded.generator(encoder(images), size).clamp(-1, 1)
        error = (render - images).square().mean(dim=(1, 2, 3))
        mse.extend(error.tolist())
        psnr.extend((10 * torch.log10(4 / error)).tolist())
        other = (still.clamp(-1, 1) - images).square().mean(dim=(1, 2, 3))
        mean_mse.extend(other.tolist())
    return EncoderFigures(
        len(faces),
        round(float(np.mean(mse)), 5),
        round(float(np.mean(mean_mse)), 5),
        round(float(np.mean(psnr)), 2),
    )
