"""Fixtures that every test folder shares. Nothing here imports torch, so collecting stays quick."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests last, of them the main job first: what is broken plainly is told soon."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("slow") is not None,
            item.path.name != "test_draft.py",
        )
    )


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout the tests run in."""
    return ROOT


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder of reference clips, photographs and weights, which is never committed."""
    named = os.environ.get("PIPELINE_SHARED")
    shared = Path(named) if named else ROOT.parent / "shared"
    folder = shared / "assets"
    if not folder.is_dir():
        pytest.skip(f"no reference assets at {folder} (set PIPELINE_SHARED to the folder above)")
    return folder


@pytest.fixture(scope="session")
def weights() -> Callable[[str], Path]:
    """A callable from a manifest name to the folder of its verified files.

    The first call of a machine takes the files from the registry into the user's cache; all later
    ones are offline. It fails, and does not skip, when they cannot be had.
    """
    from pipeline.weights import Weights

    return Weights().folder


@pytest.fixture
def store_folder(tmp_path: Path) -> Path:
    """An empty folder for a store of artifacts."""
    folder = tmp_path / "store"
    folder.mkdir()
    return folder
