"""Set charts and sheets with typst: no clock, no network, the same bytes every time."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final, Literal

import typst

from ifspace.errors import OutputError
from ifspace.figures.chart import Chart
from ifspace.figures.sheet import Sheet
from ifspace.notice import NOTICE
from ifspace.report.files import refuse_overwriting, write_all

# Enough for a journal's half-page figure, and three dots to a millimetre more than a screen.
PNG_DOTS_PER_INCH = 220.0
# Tagged, with every font in it: fit for an archive and for a screen reader.
PDF_STANDARD: Final = "a-2a"
# 1980-01-01, which is widely read as "no date": the clock would make two runs differ.
NO_DATE_EPOCH = 315_532_800


Format = Literal["pdf", "svg", "png"]
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
        f"{stem}.json": as_json_bytes(data),
        f"{stem}.pdf": sheet_pdf(sheet),
        **chart_files(drawn),
        **(more or {}),
    }
    if not overwrite:
        refuse_overwriting(out, list(contents))
    return write_all(out, contents)


def as_json_bytes(data: Mapping[str, Any]) -> bytes:
    """Write JSON as every result file is written."""
    return (json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _set(template: str, data: dict[str, Any], kind: Format) -> bytes:
    try:
        return _compile(template, data, kind, system_fonts=False)
    except typst.TypstError:
        # A reader or a group may be named in letters that the bundled fonts lack.
        pass
    try:
        return _compile(template, data, kind, system_fonts=True)
    except typst.TypstError as error:
        message = (
            f"the page could not be set ({error.message}); names in Latin, Greek or Cyrillic"
            " letters always work, others need an installed font"
        )
        raise OutputError(message) from error


def _compile(template: str, data: dict[str, Any], kind: Format, *, system_fonts: bool) -> bytes:
    with (
        tempfile.TemporaryDirectory(prefix="ifspace-") as folder,
        as_file(files("ifspace.report") / "fonts") as fonts,
    ):
        root = Path(folder)
        for room in ("ifspace.report", "ifspace.figures"):
            with as_file(files(room) / "templates") as templates:
                for source in templates.glob("*.typ"):
                    (root / source.name).write_bytes(source.read_bytes())
        return _bytes(
            typst.compile(
                root / template,
                root=root,
                font_paths=[fonts],
                ignore_system_fonts=not system_fonts,
                format=kind,
                ppi=PNG_DOTS_PER_INCH,
                sys_inputs={"data": json.dumps(data, ensure_ascii=False, allow_nan=False)},
                pdf_standards=[PDF_STANDARD] if kind == "pdf" else [],
                timestamp=_epoch(),
            )
        )


def _bytes(made: object) -> bytes:
    """Unwrap what typst gives: pages of one page each come as a list."""
    page = made[0] if isinstance(made, list) else made
    return page if isinstance(page, bytes) else bytes(str(page), "utf-8")


def _epoch() -> int:
    """Give the date in the metadata, which PDF/A asks for, without looking at the clock."""
    wanted = os.environ.get("SOURCE_DATE_EPOCH", "")
    return int(wanted) if wanted.isdigit() else NO_DATE_EPOCH
