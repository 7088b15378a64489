"""A study result as result.json, and back: the data file that every report can be made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from ifspace.errors import UnreadableInputError
from ifspace.geometry import Segment
from ifspace.io.session import session_from_json, session_to_json
from ifspace.model import (
    AssessedSpace,
    Comparison,
    Flag,
    Kind,
    LevelValue,
    Mark,
    Measurement,
    NotMeasured,
    Outcome,
    PublishedValue,
    Reference,
    Series,
    SliceSource,
    StudyResult,
    UncertaintyPart,
)
from ifspace.notice import NOTICE
from ifspace.report.references import published_in_use
from ifspace.report.result_file import (
    RESULT_ADAPTER,
    RESULT_SCHEMA,
    MarkFile,
    MeasuredFile,
    NotMeasuredFile,
    PublishedFile,
    ResultFile,
    SeriesFile,
    validate_result,
)

Published = Mapping[tuple[str, Kind], PublishedValue]

# Fields of `Series` that have a place of their own in the file.
_SERIES_ELSEWHERE = {
    "sources",
    "study_instance_uid",
    "series_instance_uid",
    "frame_of_reference_uid",
    "patient_age_years",
    "patient_sex",
    "row_spacing_mm",
    "column_spacing_mm",
    "spacing_source",
    "slice_step_mm",
}
_SERIES_PLAIN = tuple(item.name for item in fields(Series) if item.name not in _SERIES_ELSEWHERE)
_PUBLISHED_PLAIN = tuple(item.name for item in fields(PublishedValue))


# ----------------------------------------------------------------------------------- to JSON


def result_to_json(result: StudyResult) -> dict[str, Any]:
    """Turn a result into the content of result.json; numbers unrounded, what is missing absent."""
    series = result.series
    return {
        "schema": RESULT_SCHEMA,
        "software": {"name": "ifspace", "version": result.software_version},
        "study": {
            "study_instance_uid": series.study_instance_uid,
            "series_instance_uid": series.series_instance_uid,
            **_present(
                frame_of_reference_uid=series.frame_of_reference_uid,
                patient_age_years=series.patient_age_years,
                patient_sex=series.patient_sex,
            ),
        },
        "geometry": _present(
            row_spacing_mm=series.row_spacing_mm,
            column_spacing_mm=series.column_spacing_mm,
            slice_step_mm=result.slice_step_mm,
            spacing_source=series.spacing_source,
        ),
        "outcomes": [_space_to_json(space) for space in result.spaces],
        "flags": [_flag_to_json(flag) for flag in result.flags],
        "final": result.is_final,
        "notice": NOTICE,
        "series": _series_to_json(series),
        "session": session_to_json(result.session),
        "evidence": {
            "sha256": result.evidence_sha256,
            "panel_note": result.panel_note,
            "published": [
                {**_plain_fields(item, _PUBLISHED_PLAIN), "in_panel": item in result.panel}
                for item in published_in_use(result)
            ],
        },
        "settings": dict(result.settings),
    }


def _present(**values: Any) -> dict[str, Any]:
    """Keep what is there."""
    return {name: value for name, value in values.items() if value is not None}


def _curve(curve: Sequence[LevelValue]) -> list[dict[str, Any]] | None:
    """Give a curve as JSON; nothing where there is none."""
    return [_plain_fields(point, ("slice_index", "value_mm", "u95_mm")) for point in curve] or None


def _plain_fields(item: object, names: tuple[str, ...]) -> dict[str, Any]:
    """Give the named fields of a dataclass as JSON values; tuples become lists."""
    values = {name: getattr(item, name) for name in names}
    return _present(
        **{
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
        }
    )


def _series_to_json(series: Series) -> dict[str, Any]:
    return {
        **_plain_fields(series, _SERIES_PLAIN),
        **_present(header_slice_step_mm=series.slice_step_mm),
        "sources": [
            _plain_fields(item, ("sop_instance_uid", "sop_class_uid", "frame_number"))
            for item in series.sources
        ],
    }


def _flag_to_json(flag: Flag) -> dict[str, Any]:
    data = {"code": flag.code, "severity": flag.severity.value, "detail": flag.detail}
    return {**data, "slice_indices": list(flag.slice_indices)} if flag.slice_indices else data


def _space_to_json(space: AssessedSpace) -> dict[str, Any]:
    outcome = space.outcome
    named = {"kind": outcome.kind.value, "side": outcome.side.value}
    if isinstance(outcome, NotMeasured):
        return {
            **named,
            "status": "not_measured",
            "reason": outcome.reason.value,
            "detail": outcome.detail,
            **_present(curve=_curve(outcome.curve)),
        }
    return {
        **named,
        "status": "measured",
        **_measurement_to_json(outcome),
        "comparisons": [
            {
                "evidence_id": item.published.evidence_id,
                "cutoff_mm": item.cutoff_mm,
                "relation": item.relation.value,
            }
            for item in space.comparisons
        ],
        **_present(reference=None if space.reference is None else _reference(space.reference)),
    }


def _reference(reference: Reference) -> dict[str, Any]:
    return {
        "evidence_id": reference.published.evidence_id,
        "symptomatic_mean_mm": reference.symptomatic_mean_mm,
        "control_mean_mm": reference.control_mean_mm,
        "position": reference.position.value,
    }


def _measurement_to_json(item: Measurement) -> dict[str, Any]:
    return {
        "value_mm": item.value_mm,
        "u95_mm": item.u95_mm,
        "state": item.state.value,
        **_present(sop_instance_uid=item.sop_instance_uid, frame_number=item.frame_number),
        "slice_index": item.slice_index,
        "start_lps_mm": item.segment.start_lps_mm.tolist(),
        "end_lps_mm": item.segment.end_lps_mm.tolist(),
        "method": item.method,
        "marks": [_mark_to_json(mark) for mark in item.marks],
        "budget": [_plain_fields(part, ("name", "standard_mm", "source")) for part in item.budget],
        "readings": item.readings,
        **_present(
            curve=_curve(item.curve),
            second_best_mm=item.second_best_mm,
            minimum_at_range_end=item.minimum_at_range_end,
            apex_mm=item.apex_mm,
            label_mm=item.label_mm,
            ifs_3d_mm=item.ifs_3d_mm,
        ),
    }


def _mark_to_json(mark: Mark) -> dict[str, Any]:
    return {
        "mark": mark.name.value,
        "side": mark.side.value,
        "position_lps_mm": mark.position_lps_mm.tolist(),
        "state": mark.state.value,
        "source": mark.source.value,
        **_present(confidence=mark.confidence, sop_instance_uid=mark.sop_instance_uid),
    }


# --------------------------------------------------------------------------------- from JSON


def result_from_json(data: object) -> StudyResult:
    """Turn the content of result.json into the result it was written from.

    Only the paths of the slices are not in the file: they may name a patient.

    Raises
    ------
    UnreadableInputError
        If it does not follow the schema; says what and where.
    """
    problems = validate_result(data)
    if problems:
        message = f"not a valid result: {problems[0]}; measure the study again"
        raise UnreadableInputError(message)
    checked = RESULT_ADAPTER.validate_python(data)
    evidence = checked["evidence"]
    published = {
        (item["evidence_id"], item["kind"]): _published(item) for item in evidence["published"]
    }
    return StudyResult(
        software_version=checked["software"]["version"],
        series=_series(checked),
        session=session_from_json(checked["session"]),
        spaces=tuple(_space(item, published) for item in checked["outcomes"]),
        flags=tuple(
            Flag(
                item["code"], item["severity"], item["detail"], tuple(item.get("slice_indices", ()))
            )
            for item in checked["flags"]
        ),
        panel=tuple(
            published[item["evidence_id"], item["kind"]]
            for item in evidence["published"]
            if item["in_panel"]
        ),
        panel_note=evidence["panel_note"],
        evidence_sha256=evidence["sha256"],
        slice_step_mm=checked["geometry"].get("slice_step_mm"),
        settings=checked.get("settings", {}),
    )


def _published(item: PublishedFile) -> PublishedValue:
    values: dict[str, Any] = {name: item[name] for name in _PUBLISHED_PLAIN if name in item}  # type: ignore[literal-required]
    return PublishedValue(**values)


def _series(checked: ResultFile) -> Series:
    series: SeriesFile = checked["series"]
    study, geometry = checked["study"], checked["geometry"]
    plain: dict[str, Any] = {name: series[name] for name in _SERIES_PLAIN if name in series}  # type: ignore[literal-required]
    for name in ("image_type", "acquisition_matrix"):
        if name in plain:
            plain[name] = tuple(plain[name])
    return Series(
        **plain,
        sources=tuple(SliceSource(path=Path(), **item) for item in series["sources"]),
        study_instance_uid=study["study_instance_uid"],
        series_instance_uid=study["series_instance_uid"],
        frame_of_reference_uid=study.get("frame_of_reference_uid"),
        patient_age_years=study.get("patient_age_years"),
        patient_sex=study.get("patient_sex"),
        row_spacing_mm=geometry.get("row_spacing_mm"),
        column_spacing_mm=geometry.get("column_spacing_mm"),
        spacing_source=geometry.get("spacing_source"),
        slice_step_mm=series.get("header_slice_step_mm"),
    )


def _space(item: MeasuredFile | NotMeasuredFile, published: Published) -> AssessedSpace:
    if item["status"] == "not_measured":
        return AssessedSpace(
            NotMeasured(
                item["kind"],
                item["side"],
                item["reason"],
                item["detail"],
                tuple(LevelValue(**point) for point in item.get("curve", ())),
            )
        )
    kind, reference = item["kind"], item.get("reference")
    return AssessedSpace(
        _measurement(item),
        tuple(
            Comparison(published[one["evidence_id"], kind], one["cutoff_mm"], one["relation"])
            for one in item["comparisons"]
        ),
        None
        if reference is None or "evidence_id" not in reference
        else Reference(
            published[reference["evidence_id"], kind],
            reference["symptomatic_mean_mm"],
            reference["control_mean_mm"],
            reference["position"],
        ),
    )


def _measurement(item: MeasuredFile) -> Outcome:
    return Measurement(
        kind=item["kind"],
        side=item["side"],
        value_mm=item["value_mm"],
        u95_mm=item["u95_mm"],
        segment=Segment(np.asarray(item["start_lps_mm"]), np.asarray(item["end_lps_mm"])),
        slice_index=item["slice_index"],
        method=item["method"],
        state=item["state"],
        marks=tuple(_mark(mark) for mark in item["marks"]),
        sop_instance_uid=item.get("sop_instance_uid"),
        frame_number=item.get("frame_number"),
        budget=tuple(UncertaintyPart(**part) for part in item.get("budget", ())),
        readings=item.get("readings", 1),
        curve=tuple(LevelValue(**point) for point in item.get("curve", ())),
        second_best_mm=item.get("second_best_mm"),
        minimum_at_range_end=item.get("minimum_at_range_end"),
        apex_mm=item.get("apex_mm"),
        label_mm=item.get("label_mm"),
        ifs_3d_mm=item.get("ifs_3d_mm"),
    )


def _mark(item: MarkFile) -> Mark:
    return Mark(
        name=item["mark"],
        side=item["side"],
        position_lps_mm=np.asarray(item["position_lps_mm"]),
        state=item["state"],
        source=item["source"],
        confidence=item.get("confidence"),
        sop_instance_uid=item.get("sop_instance_uid"),
    )


def read_result(path: Path) -> StudyResult:
    """Read a result file.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, is no JSON or breaks the schema.
    """
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        message = f"the result cannot be read: {error.strerror}; check its path"
        raise UnreadableInputError(message) from error
    except (ValueError, RecursionError) as error:
        message = "the result is not valid JSON; write it again with measure"
        raise UnreadableInputError(message) from error
    return result_from_json(data)
