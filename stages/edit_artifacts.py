"""Typed artifacts of the edit: directions, what is done with them, and the result.

Conventions are those of ``stages.artifacts``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.artifact import Artifact
from stages.artifacts import F32, Bool


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
