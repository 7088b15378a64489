"""``ifspace compare-groups``: cases against controls."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table

if TYPE_CHECKING:
    from ifspace.groups import GroupStudy


def compare_groups(
    table: Path = typer.Argument(..., help="Measurements as CSV with a column of groups."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the results."),
    group: str = typer.Option(..., "--group", help="The column that tells the groups apart."),
    cases: str | None = typer.Option(None, "--cases", help="The word of the cases in it."),
    cutoff_from: Path | None = typer.Option(
        None, "--cutoff-from", help="Measure the cut-off that an earlier groups.json chose."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older result."),
) -> None:
    """Compare cases with controls; a cut-off is never called validated where it was chosen."""
    from ifspace import groups
    from ifspace.tables import read_table

    earlier = None if cutoff_from is None else groups.read_earlier(cutoff_from)
    held = groups.groups_from_table(read_table(table), group, cases)
    study = groups.compare_groups(held, earlier)
    written = groups.write_groups(study, out, overwrite=overwrite)
    _show(study, written, as_json=as_json)
    if not study.is_complete:
        say("some rows or statistics could not be used or given; the reasons are in the output")
        raise typer.Exit(Exit.PARTLY_DONE)


def _show(study: GroupStudy, written: tuple[Path, ...], *, as_json: bool) -> None:
    from ifspace.groups import groups_to_json
    from ifspace.groups.summary import summary_table

    if as_json:
        print_json(groups_to_json(study))
        return
    columns, rows = summary_table(study)
    print_table("", columns, rows)
    for problem in study.table.problems:
        print_line(f"not used: row {problem.row}: {problem.detail} ({problem.reason})")
    for path in written:
        print_line(str(path))
