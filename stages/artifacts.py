"""What flows between the stages: frozen, checked, and small.

Convention. Points are (x, y) in pixels of the *upright* picture, as a viewer sees it; pixel
centres lie at half-integers (the top-left pixel covers [0, 1) x [0, 1)). Images are
``(..., H, W, C)`` uint8 RGB. A *row* of a per-face table is one face in one frame; frames are
counted from 0 in presentation order, and time is always ``Video.pts * time_base``.
"""

import json
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pipeline.artifact import Artifact

F32 = NDArray[np.float32]
F16 = NDArray[np.float16]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]
U8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]


def check(condition: bool, sentence: str) -> None:
    """Raise ValueError(sentence) unless the condition holds."""
    if not condition:
        raise ValueError(sentence)


# --- given from outside: identified by content, never by path --------------------------------


@dataclass(frozen=True)
class SourceClip(Artifact):
    """The user's file. ``sha256`` is of its bytes; the path may differ from run to run."""

    path: Path
    sha256: str

    def identity(self) -> str:
        return self.sha256


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
class AgeGenderWeights(WeightFiles):
    """Networks that estimate apparent age and gender."""


# --- the clip ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Colour:
    """FFmpeg's numeric tags (AVCOL_*), 2 = unspecified; range 1 = limited, 2 = full."""

    primaries: int
    transfer: int
    matrix: int
    range: int
    chroma_location: int


@dataclass(frozen=True)
class Video(Artifact):
    """What the video stream is, frame by frame, without its pixels.

    ``pts``: (n,) int64 in ``time_base`` units, strictly increasing, one per *decoded* frame that is
    edited and written. ``width, height`` are coded sizes; ``rotation`` is the clockwise turn in
    degrees (0, 90, 180, 270), after an optional horizontal mirror ``flip``, that makes the
    picture upright. ``matrix`` in ``colour`` is the tag as found; ``working_matrix`` and
    ``working_range`` are what we convert with when the tag is missing.
    """

    container: str
    codec: str
    pix_fmt: str
    bit_depth: int
    width: int
    height: int
    rotation: int
    flip: bool
    sample_aspect_ratio: Fraction
    time_base: Fraction
    frame_rate: Fraction
    colour: Colour
    working_matrix: Literal["bt601", "bt709", "bt2020"]
    working_range: Literal["limited", "full"]
    stream_index: int
    first_frame: int
    video_bytes: int
    pts: I64 = field(repr=False)

    def __post_init__(self) -> None:
        check(self.pts.ndim == 1 and len(self.pts) > 0, "a video has at least one frame")
        check(self.rotation in (0, 90, 180, 270), f"rotation {self.rotation} is not a right angle")

    @property
    def frames(self) -> int:
        return len(self.pts)

    @property
    def upright_size(self) -> tuple[int, int]:
        """(width, height) as a viewer sees it."""
        turned = self.rotation in (90, 270)
        return (self.height, self.width) if turned else (self.width, self.height)

    @property
    def seconds(self) -> F64:
        """(n,) time of each frame in seconds."""
        return self.pts.astype(np.float64) * float(self.time_base)


@dataclass(frozen=True)
class Shots(Artifact):
    """``ranges``: (s, 2) int32, [first, last) frames of each shot, together all frames."""

    ranges: I32


# --- faces ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Faces(Artifact):
    """Detections with landmarks, all frames, sorted by frame.

    ``frame``: (m,) ``box``: (m, 4) x0, y0, x1, y1. ``score``: (m,) in [0, 1].
    ``landmarks``: (m, 468, 2) for "mesh", (m, 68, 2) for "ibug".
    """

    layout: Literal["mesh", "ibug"]
    frame: I32
    box: F32
    score: F32
    landmarks: F32 = field(repr=False)

    def __post_init__(self) -> None:
        m = len(self.frame)
        check(self.box.shape == (m, 4), f"box {self.box.shape} does not match {m} detections")
        check(self.score.shape == (m,), f"score {self.score.shape} for {m} detections")
        check(
            self.landmarks.ndim == 3 and self.landmarks.shape[0] == m,
            f"landmarks {self.landmarks.shape} for {m} detections",
        )


@dataclass(frozen=True)
class Tracks(Artifact):
    """Faces followed through each shot: rows sorted by (track, frame), without gaps in a track.

    ``track``: (r,) ids from 0, largest face first. ``interpolated``: (r,) the detector had missed
    it and a short gap was closed. Others as in ``Faces``.
    """

    layout: Literal["mesh", "ibug"]
    track: I32
    frame: I32
    box: F32
    score: F32
    interpolated: Bool
    landmarks: F32 = field(repr=False)

    def __post_init__(self) -> None:
        r = len(self.track)
        for name in ("frame", "box", "score", "interpolated", "landmarks"):
            check(len(getattr(self, name)) == r, f"{name} has not {r} rows")


@dataclass(frozen=True)
class Alignment(Artifact):
    """Where each edited face lies: the smoothed FFHQ crop and the smoothed outline.

    Rows as in ``Tracks``, only selected tracks. ``quad``: (r, 4, 2) corners of the crop, in the
    order top-left, bottom-left, bottom-right, top-right as the generator sees the face.
    ``outline``: (r, k, 2) closed polygon of the face (forehead to chin), upright pixels.
    ``weight``: (r,) in [0, 1], how much of the edit is shown: it fades to 0 where a track begins or
    ends in mid-shot and where the face turns away from what the generator knows.
    """

    track: I32
    frame: I32
    quad: F64
    outline: F32 = field(repr=False)
    weight: F32

    def __post_init__(self) -> None:
        r = len(self.track)
        check(self.quad.shape == (r, 4, 2), f"quad {self.quad.shape} for {r} rows")
        check(len(self.outline) == r, f"outline {self.outline.shape} for {r} rows")
        check(self.weight.shape == (r,), f"weight {self.weight.shape} for {r} rows")


# --- inversion --------------------------------------------------------------------------------


@dataclass(frozen=True)
class AlignedFaces(Artifact):
    """The consecutive crops of one face that are inverted together, and where they belong.

    ``row``: first row in ``Alignment``; the rest follow. ``frame``: (n,). ``crops``:
    (n, 256, 256, 3) uint8 RGB. Neighbouring windows of a run share a frame: the last of one is the
    first of the next. ``joins_next`` says that there is a next.
    """

    track: int
    row: int
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
    row: int
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
    """Codes of consecutive frames. ``w_plus``: (n, rows, style_dim).

    ``row``: first row in ``Alignment``. ``frame``: (n,). ``psnr``: (n,) dB of the inversion at 256,
    over the whole crop.
    """

    track: int
    row: int
    frame: I32
    psnr: F32
    w_plus: F32 = field(repr=False)

    def __post_init__(self) -> None:
        n = len(self.frame)
        check(self.w_plus.ndim == 3 and len(self.w_plus) == n, f"codes {self.w_plus.shape} for {n}")
        check(self.psnr.shape == (n,), f"psnr {self.psnr.shape} for {n} frames")


@dataclass(frozen=True)
class Direction(Artifact):
    """An edit direction as a safetensors file, see ``stages.direction_file``."""

    name: str
    file: Path
    sha256: str

    def identity(self) -> str:
        return f"{self.name}:{self.sha256}"


@dataclass(frozen=True)
class Edits(Artifact):
    """What is added to every code, summed over all edits.

    ``offset``: (rows, style_dim), zero on rows where nothing acts.
    """

    text: str
    offset: F32 = field(repr=False)


# --- the result -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rendered(Artifact):
    """The edited clip as a file, and what happened to each frame.

    ``edited``: (frames,) bool. ``psnr``: (rows,) dB of the inversion at 256 for each edited face.
    """

    file: Path
    edited: Bool
    psnr: F32
    render_size: int


@dataclass(frozen=True)
class Result(Artifact):
    """The verified clip. ``summary`` is what the report says of it, as JSON."""

    file: Path
    summary: str

    def report(self) -> dict[str, object]:
        """The summary as an object: frames, edited, passed, inversion_psnr_256, ..."""
        found = json.loads(self.summary)
        assert isinstance(found, dict)  # written by Verify
        return found
