"""A part of a DAG: the people that ``--face like:PHOTO`` names, and what knows them again."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.face_list import photographs_of, with_photographs
from pipeline.failure import InputError
from pipeline.fetch import digest
from pipeline.plan import Node, Plan
from stages.evaluation import IdentityWeights
from stages.people import KnowPeople
from stages.photographs import Photograph

NODE = "people"
"""The node that can refuse photographs before a clip is looked at."""


@dataclass(frozen=True)
class People:
    """Nodes of the people, and of the network that knows them again."""

    people: Node
    identity: Node


def give_people(plan: Plan, face: str, identity: Path | None, face_models: Node) -> People | None:
    """What ``MeasureLikeness`` needs; None where no photograph is named.

    Raises:
        InputError: a file cannot be read.
    """
    photographs = [Path(each) for each in photographs_of(face)]
    if not photographs or identity is None:
        return None
    paths: dict[str, Path] = {}
    for path in photographs:
        paths.setdefault(sha256_of(path), path)  # two of one content are one, as in ``by_content``
    seen = [
        plan.given(f"person_{i}", Photograph(path.resolve(), sha256))
        for i, (sha256, path) in enumerate(paths.items())
    ]
    network = plan.given("identity", IdentityWeights(identity.resolve(), sha256_of(identity)))
    known = plan.add(
        NODE, KnowPeople(), photographs=tuple(seen), face_models=face_models, identity=network
    )
    return People(known, network)


def by_content(face: str) -> str:
    """The selector with the sha256 of photographs for their paths, which may differ by machine.

    Raises:
        InputError: one cannot be read.
    """
    return with_photographs(face, lambda path: sha256_of(Path(path)))


def sha256_of(path: Path) -> str:
    """Raises InputError: it cannot be read."""
    try:
        return digest(path)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from error
