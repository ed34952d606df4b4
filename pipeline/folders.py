"""Where the program keeps things of its own: the XDG base directories, and nothing else."""

import os
from pathlib import Path


def _base(variable: str, default: str) -> Path:
    """An XDG base directory. The specification says that relative values are to be ignored."""
    given = os.environ.get(variable, "")
    return Path(given) if given and Path(given).is_absolute() else Path.home() / default


def cache() -> Path:
    """What can be had or made again: weights, results of work. ``PIPELINE_CACHE`` names another."""
    given = os.environ.get("PIPELINE_CACHE")
    return Path(given).absolute() if given else _base("XDG_CACHE_HOME", ".cache") / "pipeline"


def config() -> Path:
    """The user's own settings."""
    return _base("XDG_CONFIG_HOME", ".config") / "pipeline"
