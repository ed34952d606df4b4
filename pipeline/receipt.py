"""Knowing an output for one's own: what it was made of, and its bytes, written down first."""

import json
import uuid
from hashlib import sha256
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.artifact import qualified_name
from pipeline.fetch import digest
from pipeline.plan import Plan, edge_text
from pipeline.work import numeric_libraries, settings_of


def fingerprint(plan: Plan) -> str:
    """sha256 over all that decides the results of a plan, before any of it is done."""
    parts: list[object] = [numeric_libraries()]
    for node in plan.nodes.values():
        if node.given is not None:
            parts.append([node.name, node.given.key])
        elif node.stage is not None:
            edges = {key: edge_text(edge) for key, edge in node.inputs.items()}
            stage = node.stage
            what = [qualified_name(type(stage)), stage.version, settings_of(stage), edges]
            parts.append([node.name, *what])
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class Receipt(BaseModel):
    """That an output is ours: what it was made of, and its bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    target: Path
    made_of: str
    sha256: str

    def keep(self, root: Path) -> None:
        """Write it down, before the output appears."""
        path = _receipt(root, self.target)
        path.parent.mkdir(exist_ok=True)
        write(path, self.model_dump_json(indent=1))

    @classmethod
    def holds(cls, root: Path, target: Path, made_of: str) -> bool:
        """Whether the file at ``target`` is one that was made of just this, unchanged."""
        try:
            receipt = cls.model_validate_json(_receipt(root, target).read_bytes())
            same = receipt.target == target and receipt.made_of == made_of
            return same and digest(target) == receipt.sha256
        except (OSError, ValidationError):
            return False


def forgotten(root: Path) -> list[Path]:
    """Receipts of outputs that are not there any more."""
    found = []
    for path in (root / "receipts").glob("*.json"):
        try:
            there = Receipt.model_validate_json(path.read_bytes()).target.exists()
        except (OSError, ValidationError):
            there = False
        if not there:
            found.append(path)
    return found


def _receipt(root: Path, target: Path) -> Path:
    return root / "receipts" / f"{sha256(str(target).encode()).hexdigest()}.json"


def write(path: Path, text: str) -> None:
    """Put a small file in place, whole or not at all."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(path)
