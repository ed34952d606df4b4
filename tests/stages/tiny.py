"""A generator of the product's own class with random weights, and made-up clips and faces.

The smallest generator that the stages' fixed sizes allow is one whose full image is 256: then the
"head" for 256 is its own last layer, and inversion and rendering run as they do with real weights.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from stages.artifacts import F32, F64, U8, Alignment, Colour, Tracks, Video
from stages.edit_artifacts import Edits
from stages.inversion_artifacts import Flow
from stages.joint_inversion import Inverter
from stages.metrics.perceptual import EffnetDistance
from stages.networks.mobile_stylegan import (
    GeneratorShape,
    MobileStyleGAN,
    Modulation,
    StyledConv,
    ToImage,
)
from stages.networks.perceptual import Perceptual
from stages.networks.pooled_features import DIMS, PooledFeatures
from stages.networks.rgb_head import RenderableGenerator
from stages.picture_figures import PictureJudges

SHAPE = GeneratorShape(style_dim=16, channels=(16,) * 6, mapping_layers=2)
"""Features to 128 pixels, images of 256."""
SMALLER = GeneratorShape(style_dim=16, channels=(16,) * 4, mapping_layers=2)
"""Images of 64, for tests that set ``stages.joint_inversion.INVERSION_SIZE`` to that."""
BIGGER = GeneratorShape(style_dim=16, channels=(16,) * 7, mapping_layers=2)
"""Images of 512, so that a head for 256 reads features on the way."""


def generator(shape: GeneratorShape = SHAPE, seed: int = 0) -> MobileStyleGAN:
    """Random and frozen; the picture of the zero code has a spread of 0.4 about zero."""

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], out: Tensor) -> Tensor:
        # Without biases a layer is homogeneous in its weights: untrained ones are made to keep the
        # signal's size, or nothing would reach the picture.
        spread = out.std() / (0.4 if isinstance(module, ToImage) else 1.0)
        assert isinstance(module, StyledConv | ToImage)
        module.weight.copy_(module.weight / spread)
        return out / spread

    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(seed)
        model = MobileStyleGAN(shape)
        hooks = []
        for module in model.modules():
            if isinstance(module, Modulation):
                nn.init.ones_(module.bias)
            if isinstance(module, StyledConv | ToImage):
                hooks.append(module.register_forward_hook(keep))
        model(model.broadcast(torch.zeros(1, shape.style_dim)))
        for hook in hooks:
            hook.remove()
    return model.eval().requires_grad_(False)


class BlurredPixels(Perceptual):
    """Stands in for the feature network: averages over four sizes of cells."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def features(self, images: Tensor) -> list[Tensor]:
        return [F.avg_pool2d(images, n) for n in (2, 4, 8, 16)]


def renderable(shape: GeneratorShape = SHAPE) -> RenderableGenerator:
    """The tiny generator; it renders at its full size only."""
    return RenderableGenerator(generator(shape), {}).eval()


def inverter(shape: GeneratorShape = SHAPE) -> Inverter:
    """All that an inversion needs, on the CPU."""
    return Inverter(renderable(shape), BlurredPixels(), "cpu")


class Encoding(nn.Module):
    """Stands in for the encoder: the mean code, moved by the brightness of the picture."""

    def __init__(self, found: Inverter) -> None:
        super().__init__()
        self.mean = torch.tensor(found.mean_code())

    def forward(self, images: Tensor) -> Tensor:
        return self.mean + images.mean(dim=(1, 2, 3))[:, None, None]


def pictures(found: Inverter, w_plus: F32) -> U8:
    """(n, s, s, 3) crops that these codes show."""
    with torch.no_grad():
        images = found.generator(torch.tensor(w_plus), found.generator.generator.shape.size)
    pixels = ((images.clamp(-1, 1) + 1) * 127.5).round().permute(0, 2, 3, 1)
    return np.asarray(pixels.numpy(), np.uint8)


def codes(found: Inverter, count: int, spread: float = 1.0, seed: int = 3) -> F32:
    """(count, rows, style_dim) w_plus of frames that differ a little, as an inversion returns."""
    random = np.random.default_rng(seed)
    rows, dim = len(found.free_rows), found.generator.generator.shape.style_dim
    base = found.mean_code()[found.free_rows] + spread * random.normal(size=(1, rows, dim))
    steps = 0.1 * spread * random.normal(size=(count, rows, dim)).cumsum(axis=0)
    free = torch.tensor(np.asarray(base + steps, np.float32))
    return np.asarray(found.complete(free).numpy(), np.float32)


class _Apart(EffnetDistance):
    """Stands in for the perceptual distance: the mean absolute one."""

    name = "perceptual_apart"

    def __init__(self) -> None: ...

    def __call__(self, a: U8, b: U8) -> F32:
        return np.asarray(np.abs(a.astype(float) - b).mean(axis=(1, 2, 3)), np.float32)


class _Corners(PooledFeatures):
    """Stands in for pooled features: the first pixels."""

    def __init__(self) -> None: ...

    def __call__(self, crops: U8) -> F32:
        return crops.reshape(len(crops), -1)[:, :DIMS].astype(np.float32)


def judges() -> PictureJudges:
    """What looks at pictures, without weights."""
    return PictureJudges(_Apart(), _Corners())


def still(count: int, size: int = 32) -> Flow:
    """No motion between ``count`` crops, everything visible."""
    shape = (max(count - 1, 0), size, size)
    zero = np.zeros((*shape, 2), np.float16)
    return Flow(
        forward=zero,
        backward=zero,
        visible=np.ones(shape, bool),
        visible_back=np.ones(shape, bool),
    )


def video(
    frames: int = 1,
    *,
    size: tuple[int, int] = (64, 48),
    rotation: int = 0,
    flip: bool = False,
    pix_fmt: str = "yuv444p",
    pts: Sequence[int] | None = None,
) -> Video:
    """Full-range BT.709 of 25 frames a second; ``size`` is the coded one."""
    return Video(
        container="mov,mp4",
        codec="h264",
        pix_fmt=pix_fmt,
        bit_depth=10 if "10" in pix_fmt else 8,
        width=size[0],
        height=size[1],
        rotation=rotation,
        flip=flip,
        sample_aspect_ratio=Fraction(1),
        time_base=Fraction(1, 1000),
        frame_rate=Fraction(25),
        colour=Colour(2, 2, 2, 2, 1),
        working_matrix="bt709",
        working_range="full",
        stream_index=0,
        first_frame=0,
        video_bytes=1,
        pts=np.array(pts if pts is not None else [40 * i for i in range(frames)], np.int64),
    )


def oval(centre: tuple[float, float], radius: float) -> F32:
    """(36, 2) outline: a circle, from the forehead clockwise as the picture is seen."""
    turn = np.arange(36) * (2 * np.pi / 36)
    points = np.stack([np.sin(turn), -np.cos(turn)], axis=1) * radius + np.array(centre)
    return np.asarray(points, np.float32)


def square(centre: tuple[float, float], side: float) -> F64:
    """(4, 2) upright quad: top-left, bottom-left, bottom-right, top-right."""
    corners = np.array([[-1, -1], [-1, 1], [1, 1], [1, -1]]) * (side / 2)
    return np.asarray(corners + np.array(centre), np.float64)


def alignment(
    *parts: tuple[int, range],
    centre: tuple[float, float] = (32, 24),
    radius: float = 8.0,
    weight: F32 | None = None,
) -> Alignment:
    """One row per frame of each (track, frames), all of one face that does not move."""
    track = np.concatenate([np.full(len(frames), t, np.int32) for t, frames in parts])
    frame = np.concatenate([np.array(frames, np.int32) for _, frames in parts])
    n = len(frame)
    return Alignment(
        track=track,
        frame=frame,
        quad=np.repeat(square(centre, 5 * radius)[None], n, axis=0),
        outline=np.repeat(oval(centre, radius)[None], n, axis=0),
        weight=np.ones(n, np.float32) if weight is None else weight,
    )


def edits(given: Alignment, step: F32, strengths: Sequence[float] | float, text: str = "") -> Edits:
    """One step (w_plus rows, style_dim), as strong as said in each row of the alignment."""
    column = np.broadcast_to(np.asarray(strengths, np.float32), given.track.shape)
    return Edits(text or "age=+2", ("age",), column[:, None].copy(), step[None])


def followed(*parts: tuple[int, range]) -> Tracks:
    """Tracks of the mesh's layout, one row per frame of each (track, frames); points are zero."""
    none = np.zeros(0, np.int32)
    track = np.concatenate([none, *(np.full(len(f), t, np.int32) for t, f in parts)])
    frame = np.concatenate([none, *(np.array(f, np.int32) for _, f in parts)])
    n = len(frame)
    return Tracks(
        layout="mesh",
        track=track,
        frame=frame,
        box=np.zeros((n, 4), np.float32),
        score=np.ones(n, np.float32),
        interpolated=np.zeros(n, bool),
        landmarks=np.zeros((n, 468, 2), np.float32),
    )
