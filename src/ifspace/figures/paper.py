"""Set charts and sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ifspace.atomic import write_folder
from ifspace.errors import OutputError
from ifspace.figures.chart import Chart
from ifspace.figures.sheet import Sheet
from ifspace.notice import NOTICE
from ifspace.report.typeset import Format, TypstError, set_page
from ifspace.tables import json_bytes

_ROOMS = ("ifspace.report", "ifspace.figures")
CHART_FORMATS: tuple[Format, ...] = ("svg", "png")


def sheet_pdf(sheet: Sheet) -> bytes:
    """Set a sheet as PDF/A.

    Raises
    ------
    OutputError
        If a text holds letters that no font can draw.
    """
    return _set("sheet.typ", sheet.as_data(), "pdf")


def chart_files(drawn: Sequence[Chart]) -> dict[str, bytes]:
    """Set every chart as ``name.svg`` and ``name.png``, the notice below it.

    Raises
    ------
    OutputError
        If a text holds letters that no font can draw.
    """
    made: dict[str, bytes] = {}
    for chart in drawn:
        data = {"chart": chart.as_data(), "notice": NOTICE}
        for kind in CHART_FORMATS:
            made[f"{chart.name}.{kind}"] = _set("figure.typ", data, kind)
    return made


def write_study(
    stem: str,
    data: Mapping[str, Any],
    sheet: Sheet,
    drawn: Sequence[Chart],
    out: Path,
    *,
    more: Mapping[str, bytes] | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write a study of numbers: ``stem.json``, ``stem.pdf`` and every chart; all of it or none.

    Parameters
    ----------
    stem
        What both files are called.
    data
        The content of the JSON file.
    sheet, drawn
        The pages, and the charts on them.
    out
        The folder; made if need be.
    more
        Other files that belong to the study, by name.
    overwrite
        Replace files that exist.

    Raises
    ------
    OutputError
        If a file is there already or cannot be written; nothing is left behind.
    """
    contents = {
        f"{stem}.json": json_bytes(data),
        f"{stem}.pdf": sheet_pdf(sheet),
        **chart_files(drawn),
        **(more or {}),
    }
    return write_folder(out, contents, overwrite=overwrite)


def _set(template: str, data: dict[str, Any], kind: Format) -> bytes:
    # A reader or a group may be named in letters that the bundled fonts lack.
    for system_fonts in (False, True):
        try:
            return set_page(template, data, system_fonts=system_fonts, kind=kind, packages=_ROOMS)
        except TypstError as error:
            problem = error
    message = (
        f"the page could not be set ({problem.message}); names in Latin, Greek or Cyrillic letters"
        " always work, others need an installed font"
    )
    raise OutputError(message) from problem
