"""Every stage with its version and a hash of the source that defines it.

    python tests/stage_versions.py --update

A stage whose source changes gives other results under the keys of the old ones, unless its version
is raised. ``tests/pipeline/test_versions.py`` compares; this writes what it compares with. Comments
and docstrings do not count.
"""

import ast
import importlib
import inspect
import json
import pkgutil
import sys
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "tests" / "stage_versions.json"
COMMAND = "python tests/stage_versions.py --update"


class Version(TypedDict):
    """One stage, as the record has it."""

    version: int
    source: str


def normalised(source: str) -> str:
    """Source without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        for body in ("body", "orelse", "finalbody"):
            statements = getattr(node, body, None)
            if isinstance(statements, list):
                kept = [s for s in statements if not _is_docstring(s)]
                setattr(node, body, kept or ([ast.Pass()] if statements else []))
    return ast.unparse(tree)


def _is_docstring(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def current() -> dict[str, Version]:
    """All stages below ``stages``, by qualified name."""
    import stages
    from pipeline.artifact import qualified_name
    from pipeline.stage import Stage

    found: dict[str, Version] = {}
    for module in pkgutil.walk_packages(stages.__path__, "stages."):
        if module.name.rpartition(".")[2] == "__main__":
            continue
        loaded = importlib.import_module(module.name)
        for _, cls in inspect.getmembers(loaded, inspect.isclass):
            if issubclass(cls, Stage) and cls.__module__ == module.name:
                text = normalised(inspect.getsource(loaded))
                digest = sha256(text.encode()).hexdigest()
                found[qualified_name(cls)] = {"version": cls.version, "source": digest}
    return dict(sorted(found.items()))


def complaints(recorded: dict[str, Version], found: dict[str, Version]) -> list[str]:
    """What is wrong, a sentence each; nothing when the record is up to date."""
    said = []
    for name, now in found.items():
        before = recorded.get(name)
        if before is None:
            said.append(f"{name} is not in the record")
        elif now["version"] < before["version"]:
            said.append(f"{name}: version {now['version']} is below {before['version']}")
        elif now["source"] != before["source"] and now["version"] == before["version"]:
            said.append(
                f"{name}: its source changed and its version is still {now['version']}; raise it, "
                "unless no result changes"
            )
        elif now != before:
            said.append(f"{name}: version {now['version']} is not in the record")
    return said + [f"{name} is gone" for name in recorded if name not in found]


def main() -> None:
    """Write the record, or tell what is wrong with it."""
    sys.path.insert(0, str(ROOT))
    found = current()
    recorded: dict[str, Version] = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    sys.stdout.write("".join(f"{line}\n" for line in complaints(recorded, found)))
    if "--update" in sys.argv[1:]:
        RECORD.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
