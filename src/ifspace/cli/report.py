"""``ifspace report``: the reports again, from a result."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.measure import PdfPages, chosen_formats, show


def report(
    result: Path = typer.Argument(..., help="A result.json that `measure` wrote."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for the reports."),
    formats: str | None = typer.Option(None, "--format", help="Write only these (pdf,csv,…)."),
    pages: PdfPages = typer.Option(
        PdfPages.FULL, "--pages", help="The PDF: page one alone, or the technical annex as well."
    ),
    text: bool = typer.Option(False, "--text", help="Print the findings paragraph."),
    as_json: bool = typer.Option(False, "--json", help="Print the result as JSON."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace older reports."),
) -> None:
    """Make the reports again from a result.

    Key images that were written with it and still lie beside it are used again.
    """
    import ifspace
    from ifspace.report import pictures_beside, write_reports

    assessed = ifspace.read_result(result)
    written = write_reports(
        assessed,
        None,
        out,
        formats=chosen_formats(formats),
        identity=None,
        pictures=pictures_beside(result),
        pages=pages.value,
        overwrite=overwrite,
    )
    show(assessed, written, as_json=as_json, text=text)
