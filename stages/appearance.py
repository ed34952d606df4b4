"""What landmarks and colours tell of a face beside age, gender and turn: no network is needed.

Shares are of the distance between the eyes as it would be seen from the front, so that they depend
neither on the picture's size nor, much, on the turn of the head. Colours are CIELAB
(``stages.skin``); but for the hair's they are of one part of a face against another, because light
and exposure change both alike.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import cv2
import numpy as np

from stages.artifacts import F32, F64, U8
from stages.outline import face_outline
from stages.skin import CHEEKS
from stages.yaw import yaw_of

EYES = (((33, 133), (159, 145)), ((362, 263), (386, 374)))
"""Of each eye: its corners, and its lids above and below the pupil."""
BROWS = (
    (70, 63, 105, 66, 107, 55, 65, 52, 53, 46),
    (300, 293, 334, 296, 336, 285, 295, 282, 283, 276),
)
LOWER_LIP = (84, 17, 314, 317, 14, 87)
CHIN = (83, 18, 313, 421, 428, 396, 175, 171, 208, 201)
MOUSTACHE = (97, 2, 326, 391, 393, 0, 167, 165)
FOREHEAD = (108, 151, 337, 299, 338, 10, 109, 69)
"""Mesh polygons; ``FOREHEAD`` is where a fringe hangs."""
MOUTH = ((61, 291), (13, 14), (0, 13), (14, 17))
"""Corners, inner lips, upper and lower lip."""
NOSE = (168, 4, 2)
"""Root, tip and base."""
HAIR = (1.14, 1.42)
"""The band of hair above the forehead: the outline's upper arc, stretched about its middle."""
LARGEST_TURN = 60.0
"""Degrees: beyond them the far side is a guess of the mesh."""
FEWEST = 12
"""Pixels of a part that must be seen."""


@dataclass(frozen=True)
class Appearance:
    """Labels of one face; nan where its part is not seen."""

    pitch: float
    """Share of the nose, from root to base, that is below its tip: more as the face looks up.

    Against FSA-Net on 750 faces of the generator: correlation 0.91."""
    eyes: float
    """Gap of the lids over the width of the eye."""
    brows: float
    """Height of the brows above the eyes, in eye distances."""
    lips: float
    """Thickness of both lips, in eye distances."""
    width: float
    """Of the face over its height."""
    hair: float
    """L* of the hair above the forehead."""
    hair_warmth: float
    """b* of the same."""
    beard: float
    """How much darker chin and upper lip are than the cheeks, in L*."""
    lipstick: float
    """How much redder the lower lip is than the cheeks, in a*."""
    brow_dark: float
    """How much darker the brows are than the cheeks, in L*."""
    fringe: float
    """How much darker the forehead is than the cheeks, in L*."""
    side_light: float
    """How much lighter the cheek at the picture's left is than the other, in L*."""

    def values(self) -> tuple[float, ...]:
        """In the order of ``APPEARANCE``."""
        return tuple(astuple(self))


APPEARANCE = tuple(f.name for f in fields(Appearance))
UNSEEN = Appearance(*[float("nan")] * len(APPEARANCE))


def appearance(crop: U8, landmarks: F32) -> Appearance:
    """Labels of an aligned face.

    Args:
        crop: (s, s, 3) uint8 sRGB, s about 256.
        landmarks: (468, 2) mesh in its pixels.
    """
    p = landmarks.astype(np.float64)
    scaled = (crop / np.float32(255)).astype(np.float32)
    lab = np.asarray(cv2.cvtColor(scaled, cv2.COLOR_RGB2LAB), np.float32)
    centres = [p[list(corners)].mean(0) for corners, _ in EYES]
    turn = np.clip(float(yaw_of(landmarks[None])[0]), -LARGEST_TURN, LARGEST_TURN)
    foreshortened = float(np.cos(np.radians(turn)))
    between = float(np.linalg.norm(centres[1] - centres[0])) / foreshortened

    def apart(a: int, b: int) -> float:
        return float(np.linalg.norm(p[a] - p[b]))

    def colour(*polygons: tuple[int, ...]) -> F32:
        return _median(lab, [p[list(polygon)] for polygon in polygons])

    root, tip, base = (p[i] for i in NOSE)
    left, right = (colour(cheek) for cheek in CHEEKS)
    cheeks, brow = colour(*CHEEKS), colour(*BROWS)
    above = [p[list(b)].mean(0)[1] for b in BROWS]
    hair = _median(lab, [_hair_band(landmarks)])
    beard = (colour(CHIN)[0] + colour(MOUSTACHE)[0]) / 2
    return Appearance(
        pitch=float((base - tip) @ (base - root) / ((base - root) @ (base - root))),
        eyes=foreshortened
        * float(np.mean([apart(*lids) / apart(*corners) for corners, lids in EYES])),
        brows=float(np.mean([c[1] - a for c, a in zip(centres, above, strict=True)])) / between,
        lips=(apart(*MOUTH[2]) + apart(*MOUTH[3])) / between,
        width=apart(234, 454) / foreshortened / apart(10, 152),
        hair=float(hair[0]),
        hair_warmth=float(hair[2]),
        beard=float(cheeks[0] - beard),
        lipstick=float(colour(LOWER_LIP)[1] - cheeks[1]),
        brow_dark=float(cheeks[0] - brow[0]),
        fringe=float(cheeks[0] - colour(FOREHEAD)[0]),
        side_light=float(left[0] - right[0]),
    )


def _hair_band(landmarks: F32) -> F32:
    """(2 k, 2) closed band above the forehead, between two stretched copies of its outline."""
    outline = face_outline(landmarks)
    arc = np.concatenate([outline[-5:], outline[:6]])
    middle = (outline[0] + outline[18]) / 2
    inner, outer = (middle + s * (arc - middle) for s in HAIR)
    return np.concatenate([inner, outer[::-1]])


def _median(lab: F32, polygons: Sequence[F32 | F64]) -> F32:
    """(3,) median colour of the pixels inside; nan where too few lie in the picture."""
    mask = np.zeros(lab.shape[:2], np.uint8)
    for polygon in polygons:
        cv2.fillPoly(mask, [np.rint(polygon).astype(np.int32)], 1)
    seen = lab[mask > 0]
    if len(seen) < FEWEST:
        return np.full(3, np.nan, np.float32)
    return np.asarray(np.median(seen, axis=0), np.float32)
