"""``pipeline weights list|pull|verify``."""

import sys
from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True,
    help="Model weights: what there is and under whose terms, take it, check it.",
)
Named = Annotated[
    list[str] | None,
    typer.Option("--weights", metavar="NAME=PATH", help="Take an entry from a file or folder."),
]
Names = Annotated[
    list[str] | None, typer.Argument(metavar="[NAME]...", help="Entries; see `weights list`.")
]
AsJson = Annotated[bool, typer.Option("--json/--no-json", help="One JSON object on stdout.")]


def say(sentence: str) -> None:
    """Tell the user something that is not the result."""
    sys.stderr.write(sentence + "\n")


@app.command("list")
def list_weights(json: AsJson = False) -> None:
    """Show every entry: is it here, its size, where it comes from, its licence."""
    from pipeline.weights import Weights

    weights = Weights()
    rows = [(entry, weights.state(entry)) for entry in weights.entries()]
    if json:
        from json import dumps

        listed = [
            {**entry.model_dump(mode="json"), "state": state, "folder": str(weights.place(entry))}
            for entry, state in rows
        ]
        typer.echo(dumps({"weights": listed}, indent=2))
        return
    for entry, state in rows:
        size = f"{entry.size / 1e6:.1f} MB"
        needed = "needed by default" if entry.default else "optional"
        typer.echo(f"{entry.name}  [{state}, {size}, {needed}]")
        typer.echo(f"  {entry.about}")
        typer.echo(f"  from: {entry.source}")
        typer.echo(f"  licence: {entry.licence}")
        typer.echo(f"  terms: {entry.licence_url}")


@app.command()
def pull(names: Names = None, weights: Named = None) -> None:
    """Take entries into the cache, once: the named ones, or all that a default run needs."""
    from pipeline.weights import Weights, parse_named

    source = Weights(named=parse_named(weights or ()), say=say)
    for folder in source.pull(names or ()):
        typer.echo(str(folder))


@app.command()
def verify(names: Names = None) -> None:
    """Check the files that are here, or those of the named entries, against their sha256."""
    from pipeline.weights import Weights

    weights = Weights()
    problems = weights.verify(names or ())
    for problem in problems:
        say(problem)
    if problems:
        raise typer.Exit(6)
    here = names or [e.name for e in weights.entries() if weights.state(e) == "ready"]
    say(f"Verified: {', '.join(here)}." if here else "There are no weights here yet.")
