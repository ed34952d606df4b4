"""Which optional weights can be had without asking."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.weights import Weights

OPTIONAL = ("niqe", "lpips-vgg")


def at_hand(weights: "Weights", names: tuple[str, ...] = OPTIONAL) -> frozenset[str]:
    """Which of these entries can be had; small ones from a registry are fetched."""
    from pipeline.failure import PipelineError

    found = set()
    for name in names:
        entry = next((e for e in weights.entries() if e.name == name), None)
        if entry is None or (name == "lpips-vgg" and find_spec("lpips") is None):
            continue
        # What lies at a URL is large: it is used when it is here, and pulled by who wants it.
        if entry.wheel is None and name not in weights.named and weights.state(entry) != "ready":
            continue
        try:
            weights.folder(name)
        except PipelineError:
            if name in weights.named:
                raise
            continue
        found.add(name)
    return frozenset(found)
