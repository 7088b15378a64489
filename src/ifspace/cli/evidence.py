"""``ifspace evidence``: the published values in use."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.printing import print_json, print_line, print_table


def evidence(
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    schema: bool = typer.Option(False, "--schema", help="Print the schema of an evidence file."),
    evidence_file: Path | None = typer.Option(
        None, "--evidence-file", help="Add the rows of this file."
    ),
) -> None:
    """Print the published values in use, with their citations."""
    from ifspace.evidence import evidence_schema, evidence_sha256, published_rows, read_local_rows
    from ifspace.evidence.published import dump_rows
    from ifspace.model import Kind

    if schema:
        print_json(evidence_schema())
        return
    rows = published_rows() + (read_local_rows(evidence_file) if evidence_file else ())
    if as_json:
        print_json({"sha256": evidence_sha256(evidence_file), "rows": dump_rows(rows)})
        return
    cells = []
    for row in rows:
        for kind in Kind:
            figures = row.figures(kind)
            if figures.is_empty:
                continue
            means = [figures.cases_mean, figures.controls_mean]
            cells.append(
                [
                    row.id,
                    kind.name,
                    "" if figures.cutoff is None else f"{figures.cutoff:g}",
                    " / ".join("–" if mean is None else f"{mean:g}" for mean in means),
                    row.evidence_level,
                    "yes" if row.in_default_panel else "",
                ]
            )
    columns = ["id", "space", "cut-off mm", "cases / controls mm", "evidence level", "default"]
    print_table("Published values", columns, cells)
    print_line("Citations")
    for row in rows:
        print_line(f"  {row.id}: {row.reference}")
