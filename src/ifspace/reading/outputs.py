"""Write what ``ifspace measure`` writes, for every reading on the controller. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ifspace.atomic import output_errors, refuse_overwriting, write_file
from ifspace.export import DEFAULT_FORMATS, export, refuse_inside
from ifspace.landmarks import FoundSide
from ifspace.model import Kind, Measurement, Session, Side, StudyResult, Volume
from ifspace.reading.edits import State, portable
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import STEPS, step_of
from ifspace.reading.study import OpenStudy
from ifspace.report import findings_paragraph
from ifspace.report.texts import load_texts
from ifspace.report.wording import find_space, state_line, value
from ifspace.workflow import assess

DICOM_FORMATS = ("sr", "dicom-pdf", "dicom-sc")
FORMAT_LABELS: dict[str, str] = {
    "pdf": "PDF report",
    "png": "Key images (PNG)",
    "json": "Result (JSON)",
    "session": "Session (JSON)",
    "csv": "Table (CSV)",
    "slicer": "3D Slicer markups",
    "sr": "DICOM SR",
    "dicom-pdf": "DICOM PDF",
    "dicom-sc": "DICOM key images",
    "manifest": "Manifest",
}


@dataclass(frozen=True)
class Difference:
    """One space as two readers measured it."""

    kind: Kind
    side: Side
    first_mm: float
    second_mm: float

    @property
    def difference_mm(self) -> float:
        """Second minus first."""
        return self.second_mm - self.first_mm


def differences(first: StudyResult, second: StudyResult) -> tuple[Difference, ...]:
    """Compare the spaces that both readers measured."""
    found = []
    for side in (Side.RIGHT, Side.LEFT):
        for kind in Kind:
            values = [_value_mm(result, kind, side) for result in (first, second)]
            if values[0] is not None and values[1] is not None:
                found.append(Difference(kind, side, values[0], values[1]))
    return tuple(found)


def _value_mm(result: StudyResult, kind: Kind, side: Side) -> float | None:
    space = find_space(result, kind, side)
    if space is None or not isinstance(space.outcome, Measurement):
        return None
    return space.outcome.value_mm


def formats_for(study: OpenStudy) -> tuple[str, ...]:
    """Give the formats that this input allows: no DICOM objects without DICOM images."""
    dicom = bool(study.loaded.headers)
    return tuple(name for name in DEFAULT_FORMATS if dicom or name not in DICOM_FORMATS)


def write_outputs(
    study: OpenStudy,
    state: State,
    out: Path,
    formats: Collection[str],
    *,
    overwrite: bool = False,
    found: Mapping[Side, FoundSide] | None = None,
) -> tuple[Path, ...]:
    """Write the asked-for files of every reading; several readings get a folder each.

    `found` is what the program found for the reading being made, so that it need not search again.

    Raises
    ------
    IfspaceError
        If a file exists already or cannot be written, or a session does not fit.
    """
    refuse_inside(out, study.path)
    # As in the window, and as `measure` would do with the session that is written.
    results = [
        assess(
            study.volume,
            portable(session, state.points[number]),
            found=found if number == state.active else None,
        )
        for number, session in enumerate(state.sessions)
    ]
    if len(results) == 1:
        return export(study.loaded, results[0], out, formats=formats, overwrite=overwrite)
    written: list[Path] = []
    for number, result in enumerate(results, start=1):
        folder = out / f"reading_{number}"
        written += export(study.loaded, result, folder, formats=formats, overwrite=overwrite)
    comparison = out / "comparison.csv"
    _write_comparison(comparison, results, overwrite=overwrite)
    return (*written, comparison)


def _write_comparison(path: Path, results: list[StudyResult], *, overwrite: bool) -> None:
    if not overwrite:
        refuse_overwriting(path.parent, [path.name])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["kind", "side", "reading", "first_mm", "second_mm", "difference_mm"])
    for number, result in enumerate(results[1:], start=2):
        for row in differences(results[0], result):
            writer.writerow(
                [
                    row.kind.value,
                    row.side.value,
                    number,
                    row.first_mm,
                    row.second_mm,
                    row.difference_mm,
                ]
            )
    with output_errors("the comparison"):
        write_file(path, text.getvalue().encode())


def signed_words(result: StudyResult | None) -> str:
    """Say what a signature made of the report."""
    if result is None:
        return "Signed, but there is no result yet."
    if result.is_final:
        return "Signed: the report is final."
    return f"Signed, but the report stays a {state_line(result, load_texts())}."


def findings_text(result: StudyResult) -> str:
    """Give the findings paragraph for a dictation system."""
    return findings_paragraph(result)


def short_text(result: StudyResult) -> str:
    """Give the values alone, one line for each side, for a dictation system."""
    texts = load_texts()
    draft = "" if result.is_final else " (draft)"
    lines = []
    for side in (Side.RIGHT, Side.LEFT):
        told = []
        for kind in Kind:
            space = find_space(result, kind, side)
            outcome = space.outcome if space is not None else None
            measured = value(outcome, texts) if isinstance(outcome, Measurement) else "not measured"
            told.append(f"{kind.value.upper()} {measured}")
        lines.append(f"{side.value.capitalize()}: {', '.join(told)}{draft}.")
    return "\n".join(lines)


def points_apart(volume: Volume, first: Session, second: Session) -> tuple[str, ...]:
    """Say for every mark that both readers set how far apart they are; of several, the nearest."""
    rows = []
    for step in STEPS:
        pairs = [
            (float(np.linalg.norm(other.position_lps_mm - one.position_lps_mm)), one, other)
            for one in first.marks
            for other in second.marks
            if step_of(one) == step_of(other) == step
        ]
        if pairs:
            apart_mm, one, other = min(pairs, key=lambda pair: pair[0])
            slices = [slice_of(volume, mark) + 1 for mark in (one, other)]
            where = "" if slices[0] == slices[1] else f", slices {slices[0]} and {slices[1]}"
            rows.append(f"{step.title} {apart_mm:.1f} mm{where}")
    return tuple(rows)
