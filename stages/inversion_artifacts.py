"""Typed artifacts of the inversion: crops, flow between them, and codes.

Conventions are those of ``stages.artifacts``.
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.artifact import Artifact
from stages.artifacts import F16, F32, I32, U8, Bool, check


@dataclass(frozen=True)
class AlignedFaces(Artifact):
    """The neighbouring crops of one face that are inverted together, and where they belong.

    ``frame``: (n,), consecutive, or some frames apart. ``crops``: (n, 256, 256, 3) uint8 RGB.
    Neighbouring windows of a run share a frame: the last of one is the first of the next.
    ``joins_next`` says that there is a next.
    """

    track: int
    frame: I32
    joins_next: bool
    crops: U8 = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.frame)
        check(n > 0, "a window has at least one frame")
        check(
            self.crops.ndim == 4 and self.crops.shape[0] == n and self.crops.shape[3] == 3,
            f"crops {self.crops.shape} for {n} frames",
        )


@dataclass(frozen=True)
class Flow(Artifact):
    """Optical flow between neighbouring crops of a window, in pixels of its own grid.

    ``forward``: (n-1, s, s, 2) float16, x then y: pixel p of crop i is at p + forward in crop i+1.
    ``backward``: the same from crop i+1 to crop i. ``visible``: (n-1, s, s), True where pixel p of
    crop i is also seen in crop i+1 (forward and backward flow agree); ``visible_back`` likewise
    for pixels of crop i+1 in crop i.
    """

    forward: F16 = field(repr=False)
    backward: F16 = field(repr=False)
    visible: Bool = field(repr=False)
    visible_back: Bool = field(repr=False)

    def __post_init__(self) -> None:
        check(
            self.forward.shape == self.backward.shape and self.forward.shape[-1:] == (2,),
            f"flows {self.forward.shape} and {self.backward.shape}",
        )
        check(
            self.visible.shape == self.visible_back.shape == self.forward.shape[:-1],
            f"masks {self.visible.shape} for flow {self.forward.shape}",
        )


@dataclass(frozen=True)
class Encoded(Artifact):
    """The encoder's codes of a window's crops. ``w_plus``: (n, rows, style_dim)."""

    track: int
    frame: I32
    w_plus: F32 = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.frame)
        check(self.w_plus.ndim == 3 and len(self.w_plus) == n, f"codes {self.w_plus.shape} for {n}")


@dataclass(frozen=True)
class TrackStarts(Artifact):
    """What the encoder's codes of each track lack, the same for all its frames.

    ``offset``: (t, rows, style_dim). ``psnr``: (t,) dB at 256 with it, on the frames looked at.
    """

    track: I32
    offset: F32 = field(repr=False)
    psnr: F32

    def of(self, track: int) -> F32:
        """(rows, style_dim) of a track."""
        return np.asarray(self.offset[int(np.flatnonzero(self.track == track)[0])], np.float32)


@dataclass(frozen=True)
class Latents(Artifact):
    """Codes of neighbouring frames. ``w_plus``: (n, rows, style_dim).

    ``frame``: (n,). ``psnr``: (n,) dB of the inversion at 256, over the whole crop.
    """

    track: int
    frame: I32
    psnr: F32
    w_plus: F32 = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.frame)
        check(self.w_plus.ndim == 3 and len(self.w_plus) == n, f"codes {self.w_plus.shape} for {n}")
        check(self.psnr.shape == (n,), f"psnr {self.psnr.shape} for {n} frames")
