"""The one acceptance command.

    python -m tests.acceptance --out ../acceptance            everything, where it stopped
    python -m tests.acceptance --out ... --table              only the table
    python -m tests.acceptance --out ... --only portrait_d18  units whose name contains it
    python -m tests.acceptance --out ... --again portrait_d18 measure again (runs are kept)

Runs of the product are kept in OUT/runs, with the code they were made by: after a change of the
product, ``--refresh`` runs and measures again what is older; with ``--reuse`` it may use its own
results that still hold, and seconds, memory and disk are then not judged. Ends with 0 when every
line passed with the code at hand, with 1 otherwise.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from tests.acceptance import cluster, robust
from tests.acceptance.clips import CLIPS
from tests.acceptance.edits import edits
from tests.acceptance.lines import ROOT, Results, Sheet, code, table
from tests.acceptance.on_clip import Place, measure
from tests.acceptance.transfer import transfer

Unit = Callable[[], Sheet]


def units(place: Place, frames: int | None) -> dict[str, Unit]:
    """All units by name, cheap and telling ones first."""

    @cache
    def judges() -> object:
        from tests.acceptance.judgement import Judges

        return Judges(place.assets, place.age_weights)

    def clip_unit(clip: object, preset: str) -> Sheet:
        return measure(place, clip, preset, judges(), frames)

    found: dict[str, Unit] = {"no_face": partial(robust.no_face, place)}
    for preset in ("draft", "standard"):
        for clip in CLIPS:
            found[f"{clip.name}/{preset}"] = partial(clip_unit, clip, preset)
    found["edits"] = lambda: edits(place, judges(), frames)
    found["transfer"] = lambda: transfer(place, judges(), frames)
    for unit in (
        robust.refused_container,
        robust.resume,
        robust.on_ray,
        robust.ray_death,
        robust.scaling,
        cluster.driver_cost,
        cluster.two_workers,
        cluster.long_clip,
    ):
        found[{"resume": "kill_and_resume"}.get(unit.__name__, unit.__name__)] = partial(
            unit, place
        )
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run, print, and tell whether all is well."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.acceptance",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="kept between runs")
    parser.add_argument("--only", action="append", default=[], help="part of a unit's name")
    parser.add_argument("--again", action="append", default=[], help="measure although done")
    parser.add_argument("--refresh", action="store_true", help="redo what other code measured")
    parser.add_argument("--reuse", action="store_true", help="keep the product's work folders")
    parser.add_argument("--frames", type=int, help="frames of each cut, instead of the usual")
    parser.add_argument("--table", action="store_true", help="print what is known and end")
    parser.add_argument("--list", action="store_true", help="print the units' names and end")
    options = parser.parse_args(arguments)
    place = Place(options.out.resolve(), _assets(), _age_weights(), options.reuse)
    results = Results(place.out)
    everything = units(place, options.frames)
    if options.list:
        say("\n".join(everything))
        return 0
    if not options.table:
        wanted = [n for n in everything if not options.only or _matches(n, options.only)]
        for name in wanted:
            known = results.done().get(name)
            old = options.refresh and known is not None and known != code()
            if known is not None and not old and not _matches(name, options.again):
                continue
            start = time.monotonic()
            sys.stderr.write(f"{name} ...\n")
            sheet = everything[name]()
            results.add(sheet)
            failed = sum(line.passed is False for line in sheet.lines)
            spent = time.monotonic() - start
            sys.stderr.write(f"{name}: {failed} FAIL, {spent:.0f} s\n")
    lines = results.lines()
    text = table(lines)
    (place.out / "table.txt").write_text(text + "\n")
    say(text)
    measured = {line.unit for line in lines}
    missing = [name for name in everything if name not in measured]
    if missing:
        say(f"not measured yet: {', '.join(missing)}")
    good = all((line.passed or not line.limit) and line.code == code() for line in lines)
    return 0 if good and not missing else 1


def say(text: str) -> None:
    """To standard output."""
    sys.stdout.write(text + "\n")


def _matches(name: str, parts: list[str]) -> bool:
    return any(part in name for part in parts)


def _assets() -> Path:
    """As tests/conftest.py finds them."""
    named = os.environ.get("PIPELINE_SHARED")
    folder = (Path(named) if named else ROOT.parent / "shared") / "assets"
    if not folder.is_dir():
        raise SystemExit(f"no reference assets at {folder} (set PIPELINE_SHARED)")
    return folder


def _age_weights() -> Path:
    from pipeline.weights import Weights

    return Weights().folder("age-gender")


if __name__ == "__main__":
    sys.exit(main())
