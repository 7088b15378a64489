"""Tables in the form of BIDS: tab-separated, ``n/a`` for what is missing, each column described."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ifspace.model import Kind
from ifspace.report.table import cell_text

MISSING = "n/a"

_POINT = "of the {end} of the distance, patient coordinates (LPS: +x left, +y back, +z head)"
_TEXTS: dict[str, str] = {
    "participant_id": "The participant.",
    "session_id": "The session of the participant, where the dataset has sessions.",
    "image": "The image that was measured, without its ending.",
    "study": "The study as it is called in the tables and folders of the batch.",
    "reading": "Counts the readings (sessions with marks) of one image, from 1.",
    "study_instance_uid": "StudyInstanceUID; none for images that are not DICOM.",
    "series_instance_uid": "SeriesInstanceUID; none for images that are not DICOM.",
    "kind": "Which distance.",
    "side": "The patient's side.",
    "status": "Whether there is a number.",
    "value_mm": "The distance, unrounded.",
    "u95_mm": "Half-width of the 95 % interval of the distance.",
    "state": "Who stands behind the marks: a program, a person, or a person who signed.",
    "reason": "Why there is no number, as a code.",
    "detail": "Why there is no number, in words.",
    "sentence": "What happened and what to do, in words.",
    "slice_index": "The slice of the distance, counted from 0 along the normal of the slices.",
    "sop_instance_uid": "SOPInstanceUID of the slice; none for images that are not DICOM.",
    **{
        f"{end}_{axis}_lps_mm": f"{axis} {_POINT.format(end=end)}."
        for end in ("start", "end")
        for axis in "xyz"
    },
    "method": "How the distance was found, and the version of that method.",
    "readings": "How many slices could be measured.",
    "second_best_mm": "The second smallest distance among the slices.",
    "minimum_at_range_end": "Whether the smallest distance lies on the first or the last slice.",
    "apex_mm": "The distance from the apex of the lesser trochanter, where it was found.",
    "label_mm": "The distance between the surfaces of the label map alone.",
    "ifs_3d_mm": "The smallest distance between the bones in space, from a label map; another"
    " quantity than value_mm, never to be compared with published values.",
    "row_spacing_mm": "Distance of neighbouring rows of pixels.",
    "column_spacing_mm": "Distance of neighbouring columns of pixels.",
    "slice_step_mm": "Distance of neighbouring slices, from their positions.",
    "patient_age_years": "Age.",
    "patient_sex": "Sex.",
    "hip_rotation": "Rotation of the hips as the reader noted it.",
    "knee_bolster": "Whether the knees lay on a bolster, as the reader noted it.",
    "reader": "Identifier of the reader.",
    "final": "Whether a reader signed the session.",
    "software_version": "Version of ifspace.",
    "age": "Age.",
    "sex": "Sex.",
}
_LEVELS: dict[str, dict[str, str]] = {
    "kind": {kind.value: kind.full_name.lower() for kind in Kind},
    "side": {"left": "the patient's left", "right": "the patient's right"},
    "status": {"measured": "there is a number", "not_measured": "there is none; see reason"},
    "state": {
        "proposed": "a program put the marks",
        "placed": "a person put or moved them",
        "confirmed": "a person confirmed them",
    },
    "sex": {"F": "female", "M": "male", "O": "other"},
    "patient_sex": {"F": "female", "M": "male", "O": "other"},
}


def descriptions(columns: Sequence[str], table: str) -> dict[str, Any]:
    """Describe a table and its columns for the JSON file beside it."""
    found: dict[str, Any] = {"Description": table}
    for name in columns:
        entry: dict[str, Any] = {"Description": _TEXTS[name]}
        if name in _LEVELS:
            entry["Levels"] = _LEVELS[name]
        if name.endswith("_mm"):
            entry["Units"] = "mm"
        elif name in ("age", "patient_age_years"):
            entry["Units"] = "year"
        found[name] = entry
    return found


def tsv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write rows below a line of column names."""
    lines = ["\t".join(columns)]
    lines += ["\t".join(_cell(row.get(name)) for name in columns) for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    """Write one value; a cell holds no tab and no line break."""
    return " ".join(cell_text(value).split()) or MISSING
