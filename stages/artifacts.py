"""What flows between the stages: frozen, checked, and small.

Convention. Points are (x, y) in pixels of the *upright* picture, as a viewer sees it; pixel
centres lie at half-integers (the top-left pixel covers [0, 1) x [0, 1)). Images are
``(..., H, W, C)`` uint8 RGB. A *row* of a per-face table is one face in one frame; frames are
counted from 0 in presentation order, and time is always ``Video.pts * time_base``.
"""

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

    ``track``: (r,) ids from 0, the face that shows most first. ``interpolated``: (r,) the detector
    had missed it and a short gap was closed. Others as in ``Faces``.
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
class KnownPeople(Artifact):
    """``vectors``: (people, d), of unit length, as a recognition network sees them."""

    vectors: F32 = field(repr=False)


@dataclass(frozen=True)
class Likeness(Artifact):
    """How far the faces of a clip are those of people in photographs.

    ``track``: (n,) ids. ``cosine``: (n, people) of the recognition network's vectors. ``alike``:
    the cosine from which they count as the same.
    """

    track: I32
    cosine: F32
    alike: float

    def __post_init__(self) -> None:
        check(self.cosine.ndim == 2 and len(self.cosine) == len(self.track), "not one row a track")


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


# --- the result -------------------------------------------------------------------------------
