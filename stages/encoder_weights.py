"""The encoder as a file: what training gives and what the inversion loads."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from pipeline.artifact import Artifact
from pipeline.failure import MissingDependency
from stages.networks.encoder import Encoder
from stages.networks.mobile_stylegan import GeneratorShape


@dataclass(frozen=True)
class EncoderFigures:
    """Of held-back generated faces at 256, pixels in [-1, 1].

    ``mse`` and ``psnr`` (dB, range 2) of the encoder's render; ``mean_mse`` of the mean latent's.
    """

    faces: int
    mse: float
    mean_mse: float
    psnr: float


@dataclass(frozen=True)
class EncoderWeights(Artifact):
    """An encoder for the generator named in ``generator``: half precision, safetensors.

    ``curve`` (JSON: losses by node of the training) and ``figures`` come with a fresh training.
    """

    file: Path
    sha256: str
    generator: str
    curve: Path | None = None
    figures: EncoderFigures | None = None

    def identity(self) -> str:
        return self.sha256


def save_encoder(encoder: Encoder, generator: str, file: Path) -> None:
    """Write the weights in half precision, with what is needed to build the network again."""
    tensors = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in encoder.state_dict().items()
    }
    shape = {"hidden": encoder.norm.normalized_shape[0], "rank": encoder.rank}
    metadata = {
        "generator": generator,
        "shape": json.dumps(asdict(encoder.shape)),
        "network": json.dumps(shape),
    }
    save_file(tensors, file, metadata=metadata)


def load_encoder(file: Path, generator: str, device: str = "cpu") -> Encoder:
    """The encoder of a file, in eval mode and frozen, computing in single precision.

    Raises:
        MissingDependency: the file is no encoder, or one for another generator.
    """
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
        shape = json.loads(metadata["shape"])
        network = json.loads(metadata["network"])
        owner = metadata["generator"]
    except (OSError, SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise MissingDependency(f"{file} is not an encoder that 'pipeline train' wrote.") from error
    if owner != generator:
        raise MissingDependency(f"The encoder {file} belongs to {owner}, not to {generator}.")
    shape["channels"] = tuple(shape["channels"])
    encoder = Encoder(GeneratorShape(**shape), **network)
    try:
        encoder.load_state_dict(
            {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}
        )
    except RuntimeError as error:
        raise MissingDependency(f"The encoder {file} does not fit this program.") from error
    return prepare(encoder, device)


def prepare(encoder: Encoder, device: str = "cpu") -> Encoder:
    """Frozen, in eval mode, laid out for speed."""
    return encoder.channels_last().eval().requires_grad_(False).to(device)
