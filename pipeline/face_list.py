"""The photographs in a ``--face``: ``like:anna.jpg``, ``track:1,like:anna.jpg``."""

from collections.abc import Callable

LIKE = "like:"


def photographs_of(text: str) -> tuple[str, ...]:
    """The paths of the photographs that a selector names, each once."""
    parts = [part for part in text.split(",") if part.startswith(LIKE)]
    return tuple(dict.fromkeys(part.removeprefix(LIKE) for part in parts))


def with_photographs(text: str, change: Callable[[str], str]) -> str:
    """The selector with other paths of its photographs."""
    return ",".join(
        LIKE + change(part.removeprefix(LIKE)) if part.startswith(LIKE) else part
        for part in text.split(",")
    )
