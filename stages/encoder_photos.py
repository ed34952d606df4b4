"""Photographs that the encoder may learn from: FFHQ-aligned files in a folder of the user's."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from pipeline.artifact import Artifact
from pipeline.failure import UsageError
from stages.artifacts import U8
from stages.joint_inversion import INVERSION_SIZE

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class AlignedPhotos(Artifact):
    """``sha256`` is of the files' names and bytes, in order."""

    folder: Path
    sha256: str

    def identity(self) -> str:
        return self.sha256


def find_photos(folder: Path) -> AlignedPhotos:
    """Identify a folder's photographs.

    Raises:
        UsageError: there are none.
    """
    files = _files(folder)
    if not files:
        raise UsageError(f"There are no .jpg or .png photographs in {folder}.")
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}:{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    return AlignedPhotos(folder, digest.hexdigest())


def read_photos(photos: AlignedPhotos, size: int = INVERSION_SIZE) -> U8:
    """(n, size, size, 3) RGB, area-resized.

    Raises:
        UsageError: a file is no square picture.
    """
    found = []
    for file in _files(photos.folder):
        image = cv2.imread(str(file), cv2.IMREAD_COLOR)
        if image is None or image.shape[0] != image.shape[1]:
            raise UsageError(f"{file} is not a square picture, so it is not aligned.")
        found.append(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA)[..., ::-1])
    return np.stack(found).astype(np.uint8)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in SUFFIXES)
