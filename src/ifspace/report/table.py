"""measurements.csv: one row for every space and side, measured or not, units in the names."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ifspace.model import Measurement, Outcome, StudyResult
from ifspace.tables import marked_text

COLUMNS = (
    "study_instance_uid",
    "series_instance_uid",
    "kind",
    "side",
    "status",
    "value_mm",
    "u95_mm",
    "state",
    "reason",
    "detail",
    "slice_index",
    "sop_instance_uid",
    "start_x_lps_mm",
    "start_y_lps_mm",
    "start_z_lps_mm",
    "end_x_lps_mm",
    "end_y_lps_mm",
    "end_z_lps_mm",
    "method",
    "readings",
    "second_best_mm",
    "minimum_at_range_end",
    "apex_mm",
    "label_mm",
    "ifs_3d_mm",
    "row_spacing_mm",
    "column_spacing_mm",
    "slice_step_mm",
    "patient_age_years",
    "patient_sex",
    "hip_rotation",
    "knee_bolster",
    "reader",
    "final",
    "software_version",
)


def measurements_csv(result: StudyResult) -> str:
    """Write the table as RFC 4180 text; numbers unrounded, what is missing empty."""
    return table_text(COLUMNS, measurement_rows(result))


def measurement_rows(result: StudyResult) -> list[dict[str, Any]]:
    """Give one row for every space and side: values by column, what is missing left out."""
    shared = _shared_cells(result)
    return [{**shared, **_outcome_cells(space.outcome)} for space in result.spaces]


def table_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows as RFC 4180 text under a line of column names."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell_text(row.get(name)) for name in columns])
    return buffer.getvalue()


def cell_text(value: object) -> str:
    """Write one value; text that a spreadsheet would run is made plain text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    return marked_text(str(value))


def _shared_cells(result: StudyResult) -> dict[str, Any]:
    series, session = result.series, result.session
    return {
        "study_instance_uid": series.study_instance_uid,
        "series_instance_uid": series.series_instance_uid,
        "row_spacing_mm": series.row_spacing_mm,
        "column_spacing_mm": series.column_spacing_mm,
        "slice_step_mm": result.slice_step_mm,
        "patient_age_years": series.patient_age_years,
        "patient_sex": series.patient_sex,
        "hip_rotation": session.acquisition.get("hip_rotation"),
        "knee_bolster": session.acquisition.get("knee_bolster"),
        "reader": session.reader,
        "final": result.is_final,
        "software_version": result.software_version,
    }


def _outcome_cells(outcome: Outcome) -> dict[str, Any]:
    cells: dict[str, Any] = {"kind": outcome.kind.value, "side": outcome.side.value}
    if not isinstance(outcome, Measurement):
        return {
            **cells,
            "status": "not_measured",
            "reason": outcome.reason.value,
            "detail": outcome.detail,
        }
    for end in ("start", "end"):
        point_lps_mm = getattr(outcome.segment, f"{end}_lps_mm").tolist()
        for axis, position_mm in zip("xyz", point_lps_mm, strict=True):
            cells[f"{end}_{axis}_lps_mm"] = position_mm
    return {
        **cells,
        "status": "measured",
        "value_mm": outcome.value_mm,
        "u95_mm": outcome.u95_mm,
        "state": outcome.state.value,
        "slice_index": outcome.slice_index,
        "sop_instance_uid": outcome.sop_instance_uid,
        "method": outcome.method,
        "readings": outcome.readings,
        "second_best_mm": outcome.second_best_mm,
        "minimum_at_range_end": outcome.minimum_at_range_end,
        "apex_mm": outcome.apex_mm,
        "label_mm": outcome.label_mm,
        "ifs_3d_mm": outcome.ifs_3d_mm,
    }
