"""``ifspace doctor``: what this installation can decode, show and send."""

from __future__ import annotations

import typer

from ifspace.cli.exits import Exit
from ifspace.cli.printing import print_json, print_table


def doctor(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Try what this installation can decode, show and send."""
    from ifspace.doctor import examine

    findings = examine()
    if as_json:
        print_json(
            {
                "healthy": all(item.works or not item.needed for item in findings),
                "checks": [
                    {
                        "name": item.name,
                        "works": item.works,
                        "needed": item.needed,
                        "detail": item.detail,
                    }
                    for item in findings
                ],
            }
        )
    else:
        rows = [
            [item.name, "yes" if item.works else ("NO" if item.needed else "no"), item.detail]
            for item in findings
        ]
        print_table("", ["can", "works", "detail"], rows)
    if any(item.needed and not item.works for item in findings):
        raise typer.Exit(Exit.FAILED)
