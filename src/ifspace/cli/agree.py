"""``ifspace agree``: do readers agree, and the reading list of a study that asks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ifspace.cli.exits import Exit, say
from ifspace.cli.printing import print_json, print_line, print_table

if TYPE_CHECKING:
    from ifspace.agreement import AgreementStudy
    from ifspace.tables import Table

DEFAULT_READINGS = 2


def agree(
    readings: Path = typer.Argument(
        ..., help="Readings as CSV; with --design, the hips; with --key, the filled lists."
    ),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the results."),
    design: bool = typer.Option(
        False, "--design", help="Make a blinded reading list of these hips instead."
    ),
    readers: str = typer.Option("A,B", "--readers", help="With --design: reader IDs (A,B,…)."),
    repeats: int = typer.Option(
        DEFAULT_READINGS, "--repeats", min=1, help="With --design: readings per hip and reader."
    ),
    seed: int | None = typer.Option(
        None, "--seed", min=0, help="With --design: makes the same list again."
    ),
    key: Path | None = typer.Option(
        None, "--key", help="The key.csv that lifts the blinding of filled lists."
    ),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace an older result."),
) -> None:
    """Tell how well readers agree with each other and with themselves."""
    from ifspace.agreement import readings_from_table, study_agreement, unblind, write_agreement
    from ifspace.tables import read_table

    table = read_table(readings) if key is None else unblind(readings, key)
    if design:
        names = tuple(name.strip() for name in readers.split(",") if name.strip())
        _design(table, out, names, repeats, seed, overwrite=overwrite, as_json=as_json)
        return
    study = study_agreement(readings_from_table(table))
    unblinded = None if key is None else table
    written = write_agreement(study, out, unblinded=unblinded, overwrite=overwrite)
    _show(study, written, as_json=as_json)
    if not study.is_complete:
        say("some rows or statistics could not be used or given; the reasons are in the output")
        raise typer.Exit(Exit.PARTLY_DONE)


def _design(
    table: Table,
    out: Path,
    names: tuple[str, ...],
    repeats: int,
    seed: int | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> None:
    import secrets

    from ifspace.agreement import hips_from_table, plan_readings, write_plan

    if not names or len(set(names)) != len(names):
        message = "--readers needs different reader IDs, separated by commas"
        raise typer.BadParameter(message)
    chosen = secrets.randbelow(2**31) if seed is None else seed
    plan = plan_readings(hips_from_table(table), names, repeats=repeats, seed=chosen)
    written = write_plan(plan, out, overwrite=overwrite)
    if as_json:
        print_json({"seed": plan.seed, "files": [path.name for path in written]})
        return
    print_line(f"seed {plan.seed}; keep key.csv away from the readers")
    for path in written:
        print_line(str(path))


def _show(study: AgreementStudy, written: tuple[Path, ...], *, as_json: bool) -> None:
    from ifspace.agreement import study_to_json
    from ifspace.agreement.summary import summary_table

    if as_json:
        print_json(study_to_json(study))
        return
    columns, rows = summary_table(study)
    print_table("", columns, rows)
    for problem in study.readings.problems:
        print_line(f"not used: row {problem.row}: {problem.detail} ({problem.reason})")
    for path in written:
        print_line(str(path))
