"""What is made to be looked at."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.artifact import Artifact


@dataclass(frozen=True)
class Picture(Artifact):
    """A PNG, and what it shows, in words: a line a row of it."""

    file: Path
    told: tuple[str, ...]
