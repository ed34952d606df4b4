"""The directions that ship with the product."""

from pathlib import Path

from pipeline.failure import UsageError
from stages.direction_file import open_direction, read_direction
from stages.edit_artifacts import Direction

FOLDER = Path(__file__).with_name("directions_mobilestylegan_ffhq")


def known_directions() -> list[Direction]:
    """All of them, by name."""
    return [open_direction(path) for path in sorted(FOLDER.glob("*.safetensors"))]


def find_direction(name: str) -> Direction:
    """The direction of that name.

    Raises:
        UsageError: there is none.
    """
    known = {direction.name: direction for direction in known_directions()}
    if name not in known:
        raise UsageError(f"The edit {name!r} is unknown: {', '.join(known) or 'none'} can be had.")
    return known[name]


def describe(direction: Direction) -> str:
    """What a direction is and was measured to do, in two lines."""
    header, _ = read_direction(direction.file)
    years = f", {header.years_per_sigma:.1f} years a sigma" if header.years_per_sigma else ""
    if header.below and header.below.years_per_sigma:
        years += f" up and {header.below.years_per_sigma:.1f} down"
    return (
        f"{header.name}  [{header.generator}] correlation {header.correlation:.2f} with its label "
        f"on held-back samples{years}\n  made by: {header.made_by}"
    )
