"""What was measured, kept as JSON lines so that an interrupted run goes on where it stopped."""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Line:
    """One measurement. ``passed`` is None for what is only reported."""

    unit: str
    name: str
    value: str
    limit: str = ""
    passed: bool | None = None
    note: str = ""
    code: str = ""
    at: float = field(default_factory=time.time)


@dataclass
class Sheet:
    """Lines of one unit, with shorthands for the usual comparisons."""

    unit: str
    lines: list[Line] = field(default_factory=list)

    def at_least(
        self, name: str, value: float, limit: float, unit: str = "", note: str = ""
    ) -> None:
        # A nan never passes.
        self.put(name, f"{value:.3g}{unit}", f">= {limit:g}{unit}", value >= limit, note)

    def at_most(
        self, name: str, value: float, limit: float, unit: str = "", note: str = ""
    ) -> None:
        self.put(name, f"{value:.3g}{unit}", f"<= {limit:g}{unit}", value <= limit, note)

    def equal(self, name: str, found: object, expected: object, note: str = "") -> None:
        self.put(name, _short(found), f"= {_short(expected)}", found == expected, note)

    def not_judged(self, name: str, why: str) -> None:
        """What has a limit and could not be held against it: the table is not good with it."""
        self.put(name, "not judged", "measured", None, why)

    def told(self, name: str, value: object, note: str = "") -> None:
        self.put(name, _short(value), note=note)

    def put(
        self, name: str, value: str, limit: str = "", passed: bool | None = None, note: str = ""
    ) -> None:
        passed = None if passed is None else bool(passed)
        self.lines.append(Line(self.unit, name, value, limit, passed, note, code()))


class Results:
    """``results.jsonl``: lines, and a mark for each unit that was measured to its end."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "results.jsonl"

    def add(self, sheet: Sheet) -> None:
        """Append all lines of a unit and the mark, in one write."""
        rows = [asdict(line) for line in sheet.lines]
        rows.append({"unit": sheet.unit, "done": True, "code": code()})
        text = "".join(json.dumps(row) + "\n" for row in rows)
        with self.path.open("a") as file:
            file.write(text)

    def done(self) -> dict[str, str]:
        """Units measured to the end, with the code they were last measured with."""
        return {row["unit"]: row["code"] for row in self._rows() if row.get("done")}

    def lines(self) -> list[Line]:
        """The last measurement of each finished unit."""
        latest: dict[str, list[Line]] = {}
        pending: list[Line] = []
        for row in self._rows():
            if row.get("done"):
                latest[row["unit"]] = [line for line in pending if line.unit == row["unit"]]
                pending = []
            else:
                pending.append(Line(**row))
        return [line for lines in latest.values() for line in lines]

    def _rows(self) -> Iterable[dict]:
        if not self.path.is_file():
            return
        for text in self.path.read_text().splitlines():
            try:
                yield json.loads(text)
            except json.JSONDecodeError:
                continue  # the end of a run that was killed while writing


_code = ""


def code() -> str:
    """Twelve digits that change with the product's own source and data files."""
    global _code
    if not _code:
        digest = hashlib.sha256()
        for top in ("pipeline", "stages", "configs"):
            for path in sorted((ROOT / top).rglob("*")):
                if path.is_file() and "__pycache__" not in path.parts:
                    digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
        _code = digest.hexdigest()[:12]
    return _code


def table(lines: list[Line]) -> str:
    """The table as plain text; ``*`` marks lines measured with other code than is here now."""
    marks = {True: "pass", False: "FAIL", None: "    "}
    widths = [
        max((len(getattr(line, name)) for line in lines), default=0)
        for name in ("name", "value", "limit")
    ]
    out = []
    unit = ""
    for line in lines:
        if line.unit != unit:
            unit = line.unit
            out.append(f"\n{unit}")
        stale = " " if line.code == code() else "*"
        cells = (line.name, line.value, line.limit)
        row = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        out.append(f"  {marks[line.passed]}{stale} {row}  {line.note}".rstrip())
    failed = sum(line.passed is False for line in lines)
    passed = sum(line.passed is True for line in lines)
    stale = sum(line.code != code() for line in lines)
    out.append(f"\n{passed} pass, {failed} FAIL, {stale} lines (*) of other code than this")
    return "\n".join(out)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
