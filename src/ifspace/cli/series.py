"""``ifspace series``: what is in a folder, and which series `measure` would take."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table


def series(
    path: Path = typer.Argument(..., help="A file, folder, ZIP or DICOMDIR."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List every series with its suitability, and files not used."""
    import ifspace

    data = ifspace.list_series(path)
    if as_json:
        print_json(data)
    else:
        _print(data)
    if not data["series"]:
        say("no series was found; the files that were not used are listed with the reason")
        raise typer.Exit(Exit.FAILED)


def _print(data: dict[str, list[dict[str, object]]]) -> None:
    rows = [
        [
            "→" if item["chosen"] else "",
            str(item["description"] or ""),
            str(item["plane"]),
            str(item["contrast"]),
            _spacing(item),
            str(item["slices"]),
            "yes" if item["suitable"] else "no",
            "; ".join(item["reasons"]),  # type: ignore[arg-type]
        ]
        for item in data["series"]
    ]
    columns = ["", "series", "plane", "contrast", "pixel, step mm", "slices", "suitable", "why"]
    print_table("", columns, rows)
    for item in data["series"]:
        name = item["series_instance_uid"] or item["found_as"]
        print_line(f"{'→' if item['chosen'] else ' '} {name}")
    for skipped in data["skipped"]:
        print_line(f"not used: {skipped['path']}: {skipped['reason']}")


def _spacing(item: dict[str, object]) -> str:
    names = ("row_spacing_mm", "column_spacing_mm", "slice_step_mm")
    values = [item.get(name) for name in names]
    texts = ["–" if value is None else f"{value:.2f}" for value in values]
    return f"{texts[0]} x {texts[1]}, {texts[2]}"
