"""``ifspace merge``: the parts of a cohort as one."""

from __future__ import annotations

from pathlib import Path

import typer

from ifspace.cli.batch import LEDGER_FOLDER, finish


def merge(
    parts: list[Path] = typer.Argument(..., help="Output folders of `batch`, one per shard."),
    out: Path = typer.Option(..., "-o", "--out", help="The folder for all of them together."),
    ledger_folder: Path | None = LEDGER_FOLDER,
    as_json: bool = typer.Option(False, "--json", help="Print the summary as JSON."),
) -> None:
    """Put the outputs of several batch runs together and make the tables of all."""
    from ifspace.batch import merge_outputs

    finish(merge_outputs(parts, out, ledger_folder), as_json=as_json)
