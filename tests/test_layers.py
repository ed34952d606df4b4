"""Who may import whom. The folders stay apart only as long as something holds them apart."""

import ast
import importlib
from pathlib import Path

import pytest

LAYERS = ("pipeline", "stages", "configs")
CLUSTER = (
    "pipeline/cluster.py",
    "pipeline/ray_actor.py",
    "pipeline/ray_connection.py",
    "pipeline/ray_group.py",
)
COMMANDS = ("pipeline/__main__.py", "pipeline/commands/")
SCHEDULER = {f"pipeline.{m}" for m in ("plan", "store", "schedule", "worker", "local", "cluster")}
PICTURES = {"torch", "cv2", "av", "decord", "stages", "configs"}


def imports(source: str, package: str) -> set[str]:
    """The modules a source imports, anywhere in it; ``from a import b`` gives a and a.b."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: -node.level + 1 or None] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def forbidden(path: str, names: set[str]) -> set[str]:
    """Those imports that a file of this path may not have."""
    if path.startswith(COMMANDS):  # they wire recipes to the user, and may name what flows
        names = {n for n in names if not f"{n}.".startswith("stages.artifacts.")}
    wrong = {"ray"} if path not in CLUSTER else set()
    if path.startswith("pipeline/"):
        wrong |= PICTURES
        if path.startswith(COMMANDS):
            wrong -= {"configs"}
    if path.startswith("stages/"):
        wrong |= {"configs"}
    found = {name for name in names if name.partition(".")[0] in wrong}
    return found | (names & SCHEDULER if path.startswith("stages/") else set())


def files(repository: Path) -> list[Path]:
    return [p for layer in LAYERS for p in sorted((repository / layer).rglob("*.py"))]


def test_the_layers_hold(repository: Path) -> None:
    sources = files(repository)
    assert len(sources) > 10
    wrong = {}
    for path in sources:
        name = path.relative_to(repository).as_posix()
        package = ".".join(Path(name).parent.parts)
        if found := forbidden(name, imports(path.read_text(), package)):
            wrong[name] = sorted(found)
    assert not wrong


@pytest.mark.parametrize(
    ("path", "source", "wrong"),
    [
        ("pipeline/plan.py", "import torch.nn", {"torch.nn"}),
        ("pipeline/plan.py", "def f():\n    import cv2", {"cv2"}),
        ("pipeline/plan.py", "from stages import detect", {"stages.detect", "stages"}),
        ("pipeline/plan.py", "import configs", {"configs"}),
        ("pipeline/commands/run.py", "from configs.edit import Edit", set()),
        ("pipeline/commands/run.py", "import stages", {"stages"}),
        ("pipeline/commands/run.py", "from stages.artifacts import SourceClip", set()),
        ("pipeline/commands/run.py", "from stages import flow", {"stages", "stages.flow"}),
        ("pipeline/cluster.py", "import ray", set()),
        ("pipeline/worker.py", "from ray import wait", {"ray", "ray.wait"}),
        ("stages/flow.py", "import ray", {"ray"}),
        ("stages/flow.py", "import torch, pipeline.artifact", set()),
        ("stages/flow.py", "from pipeline import store", {"pipeline.store"}),
        ("stages/flow.py", "from pipeline.schedule import run", {"pipeline.schedule"}),
        ("stages/flow.py", "from . import warp", set()),
        ("configs/edit.py", "import stages.flow, pipeline.plan", set()),
    ],
)
def test_the_test_can_fail(path: str, source: str, wrong: set[str]) -> None:
    found = forbidden(path, imports(source, path.rpartition("/")[0]))
    assert found == wrong


@pytest.mark.parametrize("name", LAYERS)
def test_the_packages_are_ours(repository: Path, name: str) -> None:
    """PyPI has distributions of these names that belong to others."""
    package = importlib.import_module(name)
    assert Path(str(package.__path__[0])).resolve() == repository / name
