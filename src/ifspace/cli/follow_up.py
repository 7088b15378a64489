"""``ifspace follow-up``: the same person over time."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table

if TYPE_CHECKING:
    from ifspace.followup import FollowUp


def follow_up(
    results: list[Path] = typer.Argument(..., help="Two or more result.json, earliest first."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the results."),
    dates: str | None = typer.Option(
        None, "--dates", help="The day of each examination (2025-01-31,2025-07-02,…)."
    ),
    agreement: Path | None = typer.Option(
        None, "--agreement", help="An agreement.json with the smallest detectable change."
    ),
    diary: Path | None = typer.Option(
        None, "--diary", help="The person's own record as CSV: date, pain, motion, load …"
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older result."),
) -> None:
    """Tell what changed by more than measuring again, and what may not be compared."""
    from ifspace import followup
    from ifspace.tables import read_table

    visits = followup.read_visits(results, _days(dates))
    figures = None if agreement is None else followup.read_agreement(agreement)
    record = None if diary is None else followup.diary_from_table(read_table(diary))
    found = followup.follow_up(visits, figures, record)
    written = followup.write_follow_up(found, out, overwrite=overwrite)
    _show(found, written, as_json=as_json)
    if not found.is_complete:
        say("some changes could not be given or entries used; the reasons are in the output")
        raise typer.Exit(Exit.PARTLY_DONE)


def _days(dates: str | None) -> tuple[date, ...]:
    from ifspace.followup import parse_day

    texts = [text.strip() for text in (dates or "").split(",") if text.strip()]
    days = [parse_day(text) for text in texts]
    if None in days:
        message = f"{texts[days.index(None)]!r} is no date; write year-month-day"
        raise typer.BadParameter(message)
    return tuple(day for day in days if day is not None)


def _show(found: FollowUp, written: tuple[Path, ...], *, as_json: bool) -> None:
    from ifspace.followup import follow_up_to_json
    from ifspace.followup.summary import summary_table

    if as_json:
        print_json(follow_up_to_json(found))
        return
    columns, rows = summary_table(found)
    print_table("", columns, rows)
    for problem in found.diary.problems if found.diary else ():
        print_line(f"not used: row {problem.row}: {problem.detail} ({problem.reason})")
    for path in written:
        print_line(str(path))
