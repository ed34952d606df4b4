"""What the judges say of an edited clip: ages, identity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.networks.age_gender import AgeGender
from tests.judges.crops import arcface_crop, ffhq_crop
from tests.judges.faceapi import FaceApiAge
from tests.judges.fsanet import FsaNet
from tests.judges.mobilefacenet import MobileFaceNet
from tests.judges.yunet import Face, YuNet

CHANGED = 2.0
"""Grey levels by which a face has to differ to have been edited: encoding alone comes to 1.7."""


@dataclass(frozen=True)
class Verdict:
    """Of the frames where both have the face. ``identity``: (n,) cosine with the source's frame."""

    frames: np.ndarray
    missed: int
    age: np.ndarray
    second_age: np.ndarray
    identity: np.ndarray
    embeddings: np.ndarray


class Judges:
    """All judges, loaded once."""

    def __init__(self, assets: Path, age_weights: Path) -> None:
        weights = assets / "weights"
        self.faces = YuNet(weights)
        self.pose = FsaNet(weights)
        self._age = AgeGender(age_weights, threads=1)
        self._second = FaceApiAge(weights)
        self._identity = MobileFaceNet(weights)

    def judge(
        self, source: Sequence[np.ndarray], result: Sequence[np.ndarray], chosen: list[Face | None]
    ) -> Verdict:
        """Compare frames of a result with the source's; each picture is aligned by its own face."""
        frames, crops, chips, reference = [], [], [], []
        missed = 0
        for i, (before, after, face) in enumerate(zip(source, result, chosen, strict=True)):
            if face is None:
                continue
            same = nearest(self.faces(after), face)
            if same is None:
                missed += 1
                continue
            frames.append(i)
            crops.append(ffhq_crop(after, same.points))
            chips.append(arcface_crop(after, same.points))
            reference.append(arcface_crop(before, face.points))
        if not frames:
            nothing = np.full(1, np.nan)
            return Verdict(np.zeros(0, int), missed, nothing, nothing, nothing, nothing[None])
        embeddings = self._identity.embed(np.stack(chips))
        cosine = (embeddings * self._identity.embed(np.stack(reference))).sum(1)
        stack = np.stack(crops)
        ages = self._age.age(stack), self._second.age(stack)
        return Verdict(np.array(frames), missed, *ages, cosine, embeddings)


def choose(
    faces: YuNet, source: Sequence[np.ndarray], result: Sequence[np.ndarray]
) -> list[Face | None]:
    """In each frame of the source the face that the edit changed most; None without one.

    So that the judges look at the edited face without being told by the product which it is.
    """
    seen = [faces(picture) for picture in source]
    change = [
        [difference(before, after, face) for face in found]
        for before, after, found in zip(source, result, seen, strict=True)
    ]
    return [
        found[int(np.argmax(amounts))] if found and max(amounts) > CHANGED else None
        for found, amounts in zip(seen, change, strict=True)
    ]


def nearest(faces: list[Face], wanted: Face) -> Face | None:
    """The face whose five points lie within a quarter of a face of the wanted one's."""
    size = max(wanted.box[2:])
    near = [
        (float(np.abs(face.points - wanted.points).mean()), face)
        for face in faces
        if np.abs(face.points - wanted.points).mean() < size / 4
    ]
    return min(near, key=lambda pair: pair[0])[1] if near else None


def difference(before: np.ndarray, after: np.ndarray, face: Face) -> float:
    """Mean absolute difference in the face's box, in grey levels."""
    x, y, w, h = (round(float(v)) for v in face.box)
    where = np.s_[max(y, 0) : max(y + h, 1), max(x, 0) : max(x + w, 1)]
    a, b = before[where].astype(np.float32), after[where].astype(np.float32)
    return float(np.abs(a - b).mean()) if a.size else 0.0
