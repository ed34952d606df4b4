"""``pipeline doctor``."""

from typing import Annotated

import typer


def doctor(
    json: Annotated[bool, typer.Option("--json/--no-json", help="One JSON object.")] = False,
) -> None:
    """Check this machine: Python, FFmpeg, libraries, device, weights, cache, disk.

    Ends with 0 when a default run can start, with 6 when something it needs is missing.
    """
    from pipeline.doctor import examine

    findings = []
    for finding in examine():
        findings.append(finding)
        if not json:
            mark = {True: "ok  ", False: "FAIL", None: "--  "}[finding.ok]
            typer.echo(f"{mark} {finding.subject}: {finding.text}")
    ready = all(finding.ok is not False for finding in findings)
    if json:
        from dataclasses import asdict
        from json import dumps

        typer.echo(dumps({"ready": ready, "findings": [asdict(f) for f in findings]}, indent=2))
    if not ready:
        raise typer.Exit(6)
