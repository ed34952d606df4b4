"""``pipeline store``: what work left behind, and how to be rid of it."""

import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.flags import Json, SharedThrough, WorkDir

if TYPE_CHECKING:
    from pipeline.store import Store

app = typer.Typer(no_args_is_help=True, help="Finished pieces of work, by key.")


@app.callback()
def main() -> None:
    """Finished pieces of work, by key."""


@app.command("ls")
def list_results(
    stage: Annotated[
        str | None, typer.Argument(help="Each result of this stage.", show_default=False)
    ] = None,
    json: Json = False,
    work_dir: WorkDir = None,
    store: SharedThrough = None,
) -> None:
    """What lies in the store: a line a stage, or a line a result of one stage."""
    import json as json_module
    from dataclasses import asdict
    from datetime import datetime

    from pipeline.failure import UsageError
    from pipeline.housekeeping import Kept, kept

    found = sorted(kept(_store(work_dir, store)), key=lambda each: each.made)
    stages: dict[str, list[Kept]] = defaultdict(list)
    for each in found:
        stages[each.stage].append(each)
    if stage is not None:
        if stage not in stages:
            raise UsageError(f"The store has no {stage}; it has: {', '.join(sorted(stages))}.")
        found = stages[stage]
    if json:
        sys.stdout.write(json_module.dumps([asdict(each) for each in found], indent=2) + "\n")
        return
    if stage is not None:
        for each in found:
            when = datetime.fromtimestamp(each.made).isoformat(" ", "seconds")
            cost = f"{each.bytes / 1e6:9.2f} MB {each.seconds:9.1f} s"
            sys.stdout.write(f"{each.key}  {when}  {cost}  {each.node}\n")
        return
    for name, results in sorted(stages.items()):
        size = sum(each.bytes for each in results) / 1e6
        seconds = sum(each.seconds for each in results)
        sys.stdout.write(f"{name:<24} {len(results):>7} {size:>10.1f} MB {seconds:>10.0f} s\n")


@app.command()
def gc(
    older: Annotated[
        float | None,
        typer.Option(min=0, help="Results made this many days ago, too.", show_default=False),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run/--no-dry-run", help="Only say what would go.")
    ] = False,
    work_dir: WorkDir = None,
    store: SharedThrough = None,
) -> None:
    """Remove what killed runs left half done, and, if asked to, old results.

    Example: pipeline store gc --older 30
    """
    from pipeline.housekeeping import sweep
    from pipeline.store import DAY

    seconds = None if older is None else older * DAY
    swept = sweep(_store(work_dir, store), older=seconds, dry_run=dry_run)
    sys.stdout.write(
        f"{'would remove' if dry_run else 'removed'} {swept.results} results, "
        f"{swept.unfinished} unfinished, {swept.receipts} receipts: {swept.bytes / 1e6:.1f} MB\n"
    )


@app.command()
def verify(work_dir: WorkDir = None, store: SharedThrough = None) -> None:
    """Read every byte of every result. A damaged one is discarded, and made anew when needed."""
    from pipeline.housekeeping import damaged

    found = damaged(_store(work_dir, store))
    sys.stdout.write("".join(f"{key}\n" for key in found))
    sys.stderr.write(f"{len(found)} results were damaged.\n")
    if found:
        raise typer.Exit(9)


def _store(work_dir: Path | None, url: str | None) -> "Store":
    """The store to look after. What others share is looked after only where it is named."""
    from pipeline.failure import UsageError
    from pipeline.options import work_folder
    from pipeline.shared_store import open_store

    root = work_folder(work_dir)
    if url is None and not (root / "artifacts").is_dir():
        raise UsageError(f"There is no store in {root} (see --work-dir).")
    return open_store(root, url)
