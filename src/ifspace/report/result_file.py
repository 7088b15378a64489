"""The shape of result.json, schema ``ifspace-result/1``, and what is wrong with one that is not.

Further fields are allowed everywhere: a later version may say more. A missing number is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ifspace.codec import (
    Count,
    FileFormat,
    Index,
    InvalidContentError,
    Length,
    Point,
    Share,
    each,
    file_type,
    list_of,
)
from ifspace.errors import SessionError
from ifspace.io.session import session_from_json
from ifspace.model import (
    Comparison,
    Flag,
    LevelValue,
    Mark,
    MarkName,
    Measurement,
    NotMeasured,
    PublishedValue,
    Reference,
    Series,
    SliceSource,
    StudyResult,
)

RESULT_SCHEMA = "ifspace-result/1"

# Fields of `Series` that have a place of their own in the file: its study, and its geometry.
STUDY_KEYS = (
    "study_instance_uid",
    "series_instance_uid",
    "frame_of_reference_uid",
    "patient_age_years",
    "patient_sex",
)
GEOMETRY_KEYS = ("row_spacing_mm", "column_spacing_mm", "slice_step_mm", "spacing_source")

_STUDY_FILE = file_type(
    Series,
    name="StudyFile",
    only=STUDY_KEYS,
    **each(STUDY_KEYS[:2], str | None),
    patient_age_years=NotRequired[Annotated[float, Field(ge=0.0)]],
)
_GEOMETRY_FILE = file_type(
    Series,
    name="GeometryFile",
    only=GEOMETRY_KEYS,
    **each(GEOMETRY_KEYS[:3], NotRequired[Length]),
)
_SERIES_FILE = file_type(
    Series,
    leave_out=(*STUDY_KEYS, *GEOMETRY_KEYS),
    # Never the path of a slice, which may name a patient.
    sources=list_of(file_type(SliceSource, leave_out=("path",))),
    rows=Count,
    columns=Count,
    header_slice_step_mm=NotRequired[float],
)
_MARK_FILE = file_type(Mark, leave_out=("name",), mark=MarkName, confidence=NotRequired[Share])
_LEVEL_FILE = file_type(LevelValue, slice_index=Index, value_mm=Length, u95_mm=Length)
_MEASURED_FILE = file_type(
    Measurement,
    leave_out=("segment",),
    may_be_absent=("budget", "minimum_at_range_end"),
    status=Literal["measured"],
    value_mm=Length,
    u95_mm=Length,
    slice_index=Index,
    start_lps_mm=Point,
    end_lps_mm=Point,
    marks=list_of(_MARK_FILE),
    readings=NotRequired[Count],
    curve=NotRequired[list_of(_LEVEL_FILE)],
    **each(("second_best_mm", "apex_mm", "label_mm", "ifs_3d_mm"), NotRequired[Length]),
    comparisons=list_of(file_type(Comparison, leave_out=("published",), evidence_id=str)),
    reference=NotRequired[
        file_type(Reference, leave_out=("published",), evidence_id=NotRequired[str])
    ],
)
_NOT_MEASURED_FILE = file_type(
    NotMeasured,
    status=Literal["not_measured"],
    curve=NotRequired[list_of(_LEVEL_FILE)],
)
_PUBLISHED_FILE = file_type(
    PublishedValue, may_be_absent=("notes", "cases", "controls", "verified"), in_panel=bool
)
_EVIDENCE_FILE = file_type(
    StudyResult,
    name="EvidenceFile",
    only=("panel_note",),
    sha256=str,
    published=list_of(_PUBLISHED_FILE),
)
_FLAG_FILE = file_type(Flag, may_be_absent=("slice_indices",), code=str)


class SoftwareFile(TypedDict):
    """Who wrote the file."""

    name: Literal["ifspace"]
    version: str


_FORMAT = FileFormat(
    RESULT_SCHEMA,
    file_type(
        StudyResult,
        only=(),
        schema=Literal["ifspace-result/1"],
        software=SoftwareFile,
        study=_STUDY_FILE,
        geometry=_GEOMETRY_FILE,
        outcomes=list_of(
            Annotated[_MEASURED_FILE | _NOT_MEASURED_FILE, Field(discriminator="status")]
        ),
        flags=list_of(_FLAG_FILE),
        final=NotRequired[bool],
        notice=NotRequired[str],
        series=_SERIES_FILE,
        # Follows its own schema.
        session=dict[str, Any],
        evidence=_EVIDENCE_FILE,
        settings=NotRequired[dict[str, Any]],
    ),
    strict=True,
)


def result_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a result file."""
    return _FORMAT.json_schema()


def checked_result(data: object) -> dict[str, Any]:
    """Give the content of a result file with enumerations in place of their texts.

    Raises
    ------
    InvalidContentError
        If it does not follow the schema.
    """
    checked = _FORMAT.checked(data)
    problems = list(_unknown_evidence(checked))
    try:
        session_from_json(checked["session"])
    except SessionError as error:
        problems.append(f"session: {error}")
    if problems:
        raise InvalidContentError(problems)
    return checked


def _unknown_evidence(checked: Mapping[str, Any]) -> Iterator[str]:
    """Name comparisons whose published value the file does not hold."""
    known = {(item["evidence_id"], item["kind"]) for item in checked["evidence"]["published"]}
    for number, outcome in enumerate(checked["outcomes"]):
        for item in (*outcome.get("comparisons", ()), outcome.get("reference", {})):
            evidence_id = item.get("evidence_id")
            if evidence_id is not None and (evidence_id, outcome["kind"]) not in known:
                yield f"outcomes.{number}: {evidence_id!r} is not among evidence.published"
