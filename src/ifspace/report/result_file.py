"""The shape of result.json, schema ``ifspace-result/1``, and what is wrong with one that is not.

Further fields are allowed everywhere: a later version may say more. A missing number is absent.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal, NotRequired

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from ifspace.errors import SessionError
from ifspace.io.session import session_from_json
from ifspace.model import (
    Contrast,
    ImagePlane,
    Kind,
    MarkName,
    MarkState,
    Position,
    Reason,
    Relation,
    Severity,
    Side,
    Source,
)

RESULT_SCHEMA = "ifspace-result/1"

_SOUND = ConfigDict(allow_inf_nan=False)

Point = Annotated[list[float], Field(min_length=3, max_length=3)]
Length = Annotated[float, Field(gt=0.0)]
Index = Annotated[int, Field(ge=0)]


@with_config(_SOUND)
class SoftwareFile(TypedDict):
    """Who wrote the file."""

    name: Literal["ifspace"]
    version: str


@with_config(_SOUND)
class StudyFile(TypedDict):
    """Which study; the UIDs are null for files that are not DICOM."""

    study_instance_uid: str | None
    series_instance_uid: str | None
    frame_of_reference_uid: NotRequired[str]
    patient_age_years: NotRequired[Annotated[float, Field(ge=0.0)]]
    patient_sex: NotRequired[str]


@with_config(_SOUND)
class GeometryFile(TypedDict):
    """Where the millimetres come from."""

    row_spacing_mm: NotRequired[Length]
    column_spacing_mm: NotRequired[Length]
    slice_step_mm: NotRequired[Length]
    spacing_source: NotRequired[str]


@with_config(_SOUND)
class SourceFile(TypedDict):
    """One slice of the stack; never its path, which may name a patient."""

    sop_instance_uid: NotRequired[str]
    sop_class_uid: NotRequired[str]
    frame_number: NotRequired[int]


@with_config(_SOUND)
class SeriesFile(TypedDict):
    """How the images were made, as their headers have it."""

    sources: list[SourceFile]
    rows: Annotated[int, Field(ge=1)]
    columns: Annotated[int, Field(ge=1)]
    stack: NotRequired[str]
    file_format: str
    series_number: NotRequired[int]
    description: str
    modality: str
    plane: ImagePlane
    tilt_from_axial_deg: NotRequired[float]
    contrast: Contrast
    image_type: list[str]
    patient_position: NotRequired[str]
    acquisition_matrix: NotRequired[Annotated[list[int], Field(min_length=2, max_length=2)]]
    slice_thickness_mm: NotRequired[float]
    header_slice_step_mm: NotRequired[float]
    echo_time_ms: NotRequired[float]
    repetition_time_ms: NotRequired[float]
    inversion_time_ms: NotRequired[float]
    field_strength_t: NotRequired[float]
    manufacturer: NotRequired[str]
    transfer_syntax_uid: NotRequired[str]


@with_config(_SOUND)
class MarkFile(TypedDict):
    """One mark that a number rests on."""

    mark: MarkName
    side: Side
    position_lps_mm: Point
    state: MarkState
    source: Source
    confidence: NotRequired[Annotated[float, Field(ge=0.0, le=1.0)]]
    sop_instance_uid: NotRequired[str]


@with_config(_SOUND)
class BudgetFile(TypedDict):
    """One row of the uncertainty budget."""

    name: str
    standard_mm: float
    source: str


@with_config(_SOUND)
class LevelFile(TypedDict):
    """The distance on one slice of the curve."""

    slice_index: Index
    value_mm: Length
    u95_mm: Length


@with_config(_SOUND)
class ComparisonFile(TypedDict):
    """One value beside one published cut-off."""

    evidence_id: str
    cutoff_mm: float
    relation: Relation


@with_config(_SOUND)
class ReferenceFile(TypedDict):
    """One value between two published group means."""

    evidence_id: NotRequired[str]
    symptomatic_mean_mm: float
    control_mean_mm: float
    position: Position


@with_config(_SOUND)
class MeasuredFile(TypedDict):
    """A space that has a number."""

    kind: Kind
    side: Side
    status: Literal["measured"]
    value_mm: Length
    u95_mm: Length
    state: MarkState
    slice_index: Index
    start_lps_mm: Point
    end_lps_mm: Point
    method: str
    marks: list[MarkFile]
    sop_instance_uid: NotRequired[str]
    frame_number: NotRequired[int]
    budget: NotRequired[list[BudgetFile]]
    readings: NotRequired[Annotated[int, Field(ge=1)]]
    curve: NotRequired[list[LevelFile]]
    second_best_mm: NotRequired[Length]
    minimum_at_range_end: NotRequired[bool]
    apex_mm: NotRequired[Length]
    label_mm: NotRequired[Length]
    ifs_3d_mm: NotRequired[Length]
    comparisons: list[ComparisonFile]
    reference: NotRequired[ReferenceFile]


@with_config(_SOUND)
class NotMeasuredFile(TypedDict):
    """A space that has none, and why."""

    kind: Kind
    side: Side
    status: Literal["not_measured"]
    reason: Reason
    detail: str
    curve: NotRequired[list[LevelFile]]


OutcomeFile = Annotated[MeasuredFile | NotMeasuredFile, Field(discriminator="status")]


@with_config(_SOUND)
class FlagFile(TypedDict):
    """Something the reader has to know."""

    code: str
    severity: Severity
    detail: str
    slice_indices: NotRequired[list[int]]


@with_config(_SOUND)
class PublishedFile(TypedDict):
    """One published value that was in use; figures that were not seen are absent."""

    evidence_id: str
    kind: Kind
    citation: str
    evidence_level: str
    role: str
    population: str
    in_panel: bool
    year: NotRequired[int]
    position: NotRequired[str]
    cutoff_mm: NotRequired[float]
    rule: NotRequired[str]
    sensitivity: NotRequired[float]
    specificity: NotRequired[float]
    auc: NotRequired[float]
    cases_mean_mm: NotRequired[float]
    cases_sd_mm: NotRequired[float]
    controls_mean_mm: NotRequired[float]
    controls_sd_mm: NotRequired[float]
    notes: NotRequired[str]
    source_url: NotRequired[str]


@with_config(_SOUND)
class EvidenceFile(TypedDict):
    """The published values in use and the file they are from."""

    sha256: str
    panel_note: str
    published: list[PublishedFile]


@with_config(_SOUND)
class ResultFile(TypedDict):
    """The file as a whole; `session` follows its own schema."""

    schema: Literal["ifspace-result/1"]
    software: SoftwareFile
    study: StudyFile
    geometry: GeometryFile
    outcomes: list[OutcomeFile]
    flags: list[FlagFile]
    final: NotRequired[bool]
    notice: NotRequired[str]
    series: SeriesFile
    session: dict[str, Any]
    evidence: EvidenceFile
    settings: NotRequired[dict[str, Any]]


RESULT_ADAPTER: TypeAdapter[ResultFile] = TypeAdapter(ResultFile)


def result_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a result file."""
    schema = RESULT_ADAPTER.json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = RESULT_SCHEMA
    return schema


def validate_result(data: object) -> list[str]:
    """Say in plain sentences what is wrong with a result file; nothing if all is well."""
    if isinstance(data, dict) and data.get("schema") not in (None, RESULT_SCHEMA):
        return [f"schema is {data['schema']!r}, this version reads {RESULT_SCHEMA!r}"]
    try:
        # Strict, and from JSON: the text "13" is no number there, while a list is a list.
        checked = RESULT_ADAPTER.validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        return [_sentence(item["loc"], item["msg"]) for item in error.errors()]
    except (TypeError, ValueError) as error:
        return [f"the file: not plain JSON ({error})"]
    return [*_unknown_evidence(checked), *_session_problems(checked)]


def _sentence(location: tuple[int | str, ...], message: str) -> str:
    place = ".".join(str(part) for part in location) or "the file"
    return f"{place}: {message[0].lower()}{message[1:]}"


def _unknown_evidence(checked: ResultFile) -> list[str]:
    """Name comparisons whose published value the file does not hold."""
    known = {(item["evidence_id"], item["kind"]) for item in checked["evidence"]["published"]}
    return [
        f"outcomes.{number}: {evidence_id!r} is not among evidence.published"
        for number, outcome in enumerate(checked["outcomes"])
        if outcome["status"] == "measured"
        for evidence_id in _cited(outcome)
        if (evidence_id, outcome["kind"]) not in known
    ]


def _cited(outcome: MeasuredFile) -> list[str]:
    cited = [item["evidence_id"] for item in outcome["comparisons"]]
    reference = outcome.get("reference", {})
    return [*cited, reference["evidence_id"]] if "evidence_id" in reference else cited


def _session_problems(checked: ResultFile) -> list[str]:
    try:
        session_from_json(checked["session"])
    except SessionError as error:
        return [f"session: {error}"]
    return []
