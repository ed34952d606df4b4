"""A part of a DAG: the people that ``--face like:PHOTO`` names, and what knows them again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.failure import InputError
from pipeline.fetch import digest
from pipeline.plan import Node, Plan
from stages.evaluation import IdentityWeights
from stages.photographs import Photograph


@dataclass(frozen=True)
class People:
    """Nodes of photographs, and of the recognition network."""

    photographs: tuple[Node, ...]
    identity: Node


def give_people(plan: Plan, photographs: Sequence[str], identity: Path | None) -> People | None:
    """What ``MeasureLikeness`` needs; None where no photograph is named.

    Raises:
        InputError: a file cannot be read.
    """
    if not photographs or identity is None:
        return None
    paths = [*map(Path, photographs), identity]
    try:
        (*seen, network) = [(path.resolve(), digest(path)) for path in paths]
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read ({error.strerror}).") from error
    nodes = tuple(plan.given(f"person_{i}", Photograph(*each)) for i, each in enumerate(seen))
    return People(nodes, plan.given("identity", IdentityWeights(*network)))
