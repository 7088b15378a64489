"""``ifspace lengths``: lines that another program drew, as marks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import say
from ifspace.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from ifspace.model import Kind, Side

CHOICE = re.compile(r"(\d+)=(ifs|qfs)/(left|right)")


def lengths(
    report: Path = typer.Argument(..., help="A DICOM structured report (TID 1500)."),
    images: Path | None = typer.Option(None, "--images", help="The images it was drawn on."),
    take: list[str] = typer.Option(
        [], "--take", help="What a line measures, such as 1=ifs/left; may be repeated."
    ),
    out: Path | None = typer.Option(None, "-o", "--out", help="The session to write."),
    series: str | None = typer.Option(None, "--series", help="Series Instance UID of the images."),
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """List the lengths in a report, and make marks of those you name."""
    from ifspace.dicom_out import foreign_lengths
    from ifspace.dicom_out.foreign import problem_of

    found = foreign_lengths(report)
    rows = [
        {
            "number": number,
            "label": length.label,
            "value_mm": length.value_mm,
            "side": None if length.side is None else length.side.value,
            "unit": length.unit,
            "problem": problem_of(length),
        }
        for number, length in enumerate(found, start=1)
    ]
    if as_json:
        print_json(rows)
    else:
        columns = ["number", "label", "value_mm", "side", "problem"]
        cells = [["" if row[key] is None else str(row[key]) for key in columns] for row in rows]
        print_table("", columns, cells)
    if not take:
        return
    if images is None or out is None:
        message = "--take needs --images and --out"
        raise typer.BadParameter(message)
    import ifspace
    from ifspace.dicom_out import session_from_lengths
    from ifspace.errors import SessionError

    chosen = [_choice(text, len(found)) for text in take]
    named = [(found[number - 1], kind, side) for number, kind, side in chosen]
    session = session_from_lengths(named, ifspace.load_volume(images, series))
    if out.exists():
        message = f"{out.name} exists already; choose another name"
        raise SessionError(message)
    ifspace.write_session(session, out)
    say(f"{len(session.marks)} marks written, placed and not confirmed")


def _choice(text: str, count: int) -> tuple[int, Kind, Side]:
    """Read one choice, such as 1=ifs/left."""
    from ifspace.model import Kind, Side

    parts = CHOICE.fullmatch(text.lower())
    if parts is None or not 1 <= int(parts[1]) <= count:
        message = f"--take {text!r}: expected a number from 1 to {count}, as in 1=ifs/left"
        raise typer.BadParameter(message)
    return int(parts[1]), Kind(parts[2]), Side(parts[3])
