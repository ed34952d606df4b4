"""The directions that ship with the product, and files of a user's own beside them."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.failure import UsageError
from stages.direction_file import open_direction, read_direction
from stages.edit_artifacts import Direction
from stages.safe_range import REACH

FOLDER = Path(__file__).with_name("directions_mobilestylegan_ffhq")
MOTION_FOLDER = Path(__file__).with_name("motion_mobilestylegan_ffhq")
"""Directions for motion alone, where an edit's own serves worse."""


def known_directions() -> list[Direction]:
    """All of them, by name."""
    return [open_direction(path) for path in sorted(FOLDER.glob("*.safetensors"))]


def own_directions(files: Iterable[Path], generator: str) -> tuple[Direction, ...]:
    """Direction files that a user made.

    Raises:
        InputError: one cannot be read, or is no direction file.
        UsageError: one is for another generator, or two have one name.
    """
    found: dict[str, Direction] = {}
    for path in files:
        direction = open_direction(path)
        header, _ = read_direction(path)
        if header.generator != generator:
            raise UsageError(
                f"The direction {path} belongs to the generator {header.generator}; "
                f"{generator} is rendered with."
            )
        if other := found.get(direction.name):
            raise UsageError(f"{other.file} and {path} are both named {direction.name}.")
        found[direction.name] = direction
    return tuple(found.values())


def find_direction(name: str, own: Iterable[Direction] = ()) -> Direction:
    """The direction of that name: of a user's own, or one that ships.

    Raises:
        UsageError: there is none.
    """
    known = {direction.name: direction for direction in (*known_directions(), *own)}
    if name not in known:
        raise UsageError(
            f"The edit {name!r} is unknown: {', '.join(known) or 'none'} can be had, "
            "and files of your own with --direction."
        )
    return known[name]


def find_motion_direction(name: str) -> Direction:
    """The direction along which a transfer moves an attribute: one for motion, or the edit's.

    Raises:
        UsageError: there is neither.
    """
    path = MOTION_FOLDER / f"{name}.safetensors"
    return open_direction(path) if path.is_file() else find_direction(name)


def describe(direction: Direction, *, full: bool = False) -> str:
    """What a direction is and was measured to do, in two lines; ``full``: all its file says."""
    header, _ = read_direction(direction.file)
    years = ""
    if (older := header.sigmas_of(10)) and (younger := header.sigmas_of(-10)):
        years = f", {header.name}=+10y is {older:+.1f} sigma and -10y {younger:+.1f}"
    seen = "nothing was labelled"
    if header.correlation is not None:
        seen = f"correlation {header.correlation:.2f} with its label on held-back samples"
    lines = [f"{header.name}  [{header.generator}] {seen}{years}"]
    if full:
        if header.unit and header.unit_per_sigma is not None:
            lines.append(f"  label: {header.unit_per_sigma:.3g} a sigma, in {header.unit}")
        low, high = (header.mean + k * header.sigma for k in (-REACH, REACH))
        lines += [
            f"  one sigma: {header.sigma:.3f} in W; faces lie about {header.mean:.3f}, "
            f"safely from {low:.3f} to {high:.3f}",
            f"  rows of W+: {', '.join(map(str, header.rows))}",
        ]
        if header.below:
            lines.append(f"  one sigma down: {header.below.sigma:.3f} in W")
        if header.below and header.below.shares:
            shares = ", ".join(f"{share:g}" for share in header.below.shares)
            lines.append(f"  of which the rows go {shares}")
        if header.below and header.below.leaning:
            leaning = ", ".join(f"{name} by {k:+g} sigma" for name, k in header.below.leaning)
            lines.append(f"  and which leans towards {leaning}")
        if header.years:
            curve = ", ".join(f"{k:+g}: {years:+.1f}" for k, years in header.years if k)
            lines.append(f"  years by sigmas in {header.photographs} photographs: {curve}")
        if header.orthogonal_to:
            lines.append(f"  orthogonal to: {', '.join(header.orthogonal_to)}")
        if header.how:
            lines.append(f"  how: {header.how}")
        lines.append(f"  licence: {header.licence}")
    return "\n".join([*lines, f"  made by: {header.made_by}"])
