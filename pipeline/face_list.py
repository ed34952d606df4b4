"""The photographs in a ``--face``: ``like:anna.jpg``, ``track:1,like:anna.jpg``."""

from collections.abc import Callable

from pipeline.failure import UsageError

LIKE = "like:"


def photographs_of(text: str) -> tuple[str, ...]:
    """The paths of the photographs that a selector names, each once."""
    parts = [part for part in text.split(",") if part.startswith(LIKE)]
    return tuple(dict.fromkeys(part.removeprefix(LIKE) for part in parts))


def with_photographs(text: str, change: Callable[[str], str]) -> str:
    """The selector with other paths of its photographs.

    Raises:
        UsageError: one of them holds a comma, which parts selectors.
    """

    def changed(part: str) -> str:
        path = change(part.removeprefix(LIKE))
        if "," in path:
            raise UsageError(f"--face like: takes no path with a comma, as {path} has.")
        return LIKE + path

    named = len(LIKE)
    return ",".join(
        changed(part) if part.startswith(LIKE) and len(part) > named else part
        for part in text.split(",")
    )
