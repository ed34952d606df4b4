"""A stage: frozen, typed settings with a pure ``run``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, NamedTuple

from pydantic import BaseModel, ConfigDict


class Resources(NamedTuple):
    """What one piece of work occupies while it runs.

    ``cpus`` and ``gpus`` may be fractions; ``memory_gb`` is used for admission only.
    """

    cpus: float = 1
    gpus: float = 0
    memory_gb: float = 0.5


class Peers(NamedTuple):
    """Who does one piece of work together: this is number ``rank`` of ``size``.

    ``address``: host:port of the first, where torch.distributed lets all meet.
    """

    rank: int = 0
    size: int = 1
    address: str = ""


def no_progress(done: int, total: int) -> None:
    """Ignore progress."""


def alone() -> Peers:
    """Nobody else."""
    return Peers()


@dataclass(frozen=True)
class Context:
    """What the runner gives to a stage, apart from its inputs. Nothing here changes a result's key.

    ``device`` is "cpu" or "cuda": a stage never asks torch what there is. ``scratch`` is a folder
    that survives a retry of this very work and is removed once its result is published.
    ``progress(done, total)`` counts frames. ``peers()`` calls the others that a stage wants
    (``Stage.workers_wanted``) to this work, and says how to meet them; some pools have none.
    """

    scratch: Path
    device: str = "cpu"
    threads: int = 0
    progress: Callable[[int, int], None] = field(default=no_progress)
    peers: Callable[[], Peers] = field(default=alone)


class Stage(BaseModel):
    """Base of all stages. The fields are the settings; ``run``'s annotations are the wiring.

    ``run(self, [loaded,] *inputs, context: Context) -> Artifact | Iterator[Artifact]``. Inputs are
    keyword names annotated with an ``Artifact`` class, ``list[...]`` of one (all elements of a
    mapped node) or ``... | None`` (a neighbour that may be missing at an end). A stage that has a
    ``load(self, *weights, context) -> T`` gets what it returned as ``loaded``; ``load`` runs once
    per worker and weights. Neither is declared here: each stage's own signature is the declaration.

    A field with ``Field(exclude=True)`` (a path, a batch size) takes no part in the key.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    version: ClassVar[int] = 1
    """Raised when the result changes for the same settings and inputs."""
    resources: ClassVar[Resources] = Resources()
    accepts_partial: ClassVar[bool] = False

    @property
    def workers_wanted(self) -> int:
        """How many workers, each with ``resources``, share one piece of work where the pool can."""
        return 1
