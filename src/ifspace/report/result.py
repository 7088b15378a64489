"""A study result as result.json, and back: the data file that every report can be made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ifspace.codec import InvalidContentError, built, picked, plain, read_json
from ifspace.errors import UnreadableInputError
from ifspace.io.session import session_from_json, session_to_json
from ifspace.model import (
    AssessedSpace,
    Comparison,
    Flag,
    FlagCode,
    Kind,
    Measurement,
    NotMeasured,
    PublishedValue,
    Reference,
    Series,
    Severity,
    StudyResult,
)
from ifspace.notice import NOTICE
from ifspace.report.contradictions import contradictions, signed_with
from ifspace.report.references import published_in_use
from ifspace.report.result_file import GEOMETRY_KEYS, RESULT_SCHEMA, STUDY_KEYS, checked_result
from ifspace.signing import verified

Published = Mapping[tuple[str, Kind], PublishedValue]

_SERIES_ELSEWHERE = {*STUDY_KEYS, *GEOMETRY_KEYS, "sources"}
_SERIES_KEYS = tuple(name for name in Series.__dataclass_fields__ if name not in _SERIES_ELSEWHERE)
_SOURCE_KEYS = ("sop_instance_uid", "sop_class_uid", "frame_number")
_MARK_KEYS = (
    "mark",
    "side",
    "position_lps_mm",
    "state",
    "source",
    "confidence",
    "sop_instance_uid",
)
# Of a measurement in this order, the ends of its segment in between.
_FIRST_KEYS = ("value_mm", "u95_mm", "state", "sop_instance_uid", "frame_number", "slice_index")
_LAST_KEYS = (
    "second_best_mm",
    "minimum_at_range_end",
    "apex_mm",
    "label_mm",
    "ifs_3d_mm",
)


# ----------------------------------------------------------------------------------- to JSON


def result_to_json(result: StudyResult) -> dict[str, Any]:
    """Turn a result into the content of result.json; numbers unrounded, what is missing absent."""
    series = result.series
    return {
        "schema": RESULT_SCHEMA,
        "software": {"name": "ifspace", "version": result.software_version},
        "study": {
            **picked(series, STUDY_KEYS[:2], null=True),
            **picked(series, STUDY_KEYS[2:]),
        },
        "geometry": {
            **picked(series, GEOMETRY_KEYS[:2]),
            **_present(slice_step_mm=result.slice_step_mm),
            **picked(series, ("spacing_source",)),
        },
        "outcomes": [_space_to_json(space) for space in result.spaces],
        "flags": [_without_empty(plain(flag), "slice_indices") for flag in result.flags],
        "final": result.is_final,
        "notice": NOTICE,
        "series": {
            **picked(series, _SERIES_KEYS),
            **_present(header_slice_step_mm=series.slice_step_mm),
            "sources": [picked(source, _SOURCE_KEYS) for source in series.sources],
        },
        "session": session_to_json(result.session),
        "evidence": {
            "sha256": result.evidence_sha256,
            "panel_note": result.panel_note,
            "published": [
                {**plain(item), "in_panel": item in result.panel}
                for item in published_in_use(result)
            ],
        },
        "settings": dict(result.settings),
    }


def _present(**values: float | None) -> dict[str, float]:
    return {name: value for name, value in values.items() if value is not None}


def _without_empty(data: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if value or name != key}


def _space_to_json(space: AssessedSpace) -> dict[str, Any]:
    outcome = space.outcome
    named = picked(outcome, ("kind", "side"))
    if isinstance(outcome, NotMeasured):
        why = picked(outcome, ("reason", "detail", "curve"))
        return _without_empty({**named, "status": "not_measured", **why}, "curve")
    content = {
        **named,
        "status": "measured",
        **picked(outcome, _FIRST_KEYS),
        **plain(outcome.segment),
        "method": outcome.method,
        "marks": [picked(mark, _MARK_KEYS) for mark in outcome.marks],
        **picked(outcome, ("budget", "readings", "curve", *_LAST_KEYS)),
        "comparisons": [_beside(item) for item in space.comparisons],
    }
    if space.reference is not None:
        content["reference"] = _beside(space.reference)
    return _without_empty(content, "curve")


def _beside(item: Comparison | Reference) -> dict[str, Any]:
    """Name the published value in place of holding it."""
    data = plain(item)
    del data["published"]
    return {"evidence_id": item.published.evidence_id, **data}


# --------------------------------------------------------------------------------- from JSON


def result_from_json(data: object) -> StudyResult:
    """Turn the content of result.json into the result it was written from.

    Only the paths of the slices are not in the file: they may name a patient.

    Raises
    ------
    UnreadableInputError
        If it does not follow the schema or contradicts itself; says what and where.
    """
    problems, result = _read(data)
    if result is None or problems:
        message = f"not a valid result: {problems[0]}; measure the study again"
        raise UnreadableInputError(message)
    session, problem = verified(result.session, signed_with(result))
    if not problem:
        return result
    flag = Flag(FlagCode.SIGNATURE_LEFT_OUT, Severity.CAUTION, problem)
    return replace(result, session=session, flags=(flag, *result.flags))


def validate_result(data: object) -> list[str]:
    """Say in plain sentences what is wrong with a result file; nothing if all is well."""
    return _read(data)[0]


def _read(data: object) -> tuple[list[str], StudyResult | None]:
    """Read a result, and say what is wrong with it: its form, or what contradicts itself."""
    try:
        checked = checked_result(data)
        result = _built(checked)
    except InvalidContentError as error:
        return error.problems, None
    except ValueError as error:
        return [str(error)], None
    problems = contradictions(result)
    if checked.get("final", False) and result.session.signature is None:
        problems.append("it is called final, but nobody signed its session")
    return problems, result


def _built(checked: Mapping[str, Any]) -> StudyResult:
    evidence = checked["evidence"]
    published = {
        (item["evidence_id"], item["kind"]): built(PublishedValue, item)
        for item in evidence["published"]
    }
    return StudyResult(
        software_version=checked["software"]["version"],
        series=_series(checked),
        session=session_from_json(checked["session"]),
        spaces=tuple(_space(item, published) for item in checked["outcomes"]),
        flags=tuple(built(Flag, item) for item in checked["flags"]),
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


def _series(checked: Mapping[str, Any]) -> Series:
    series = checked["series"]
    # The step between the slices that were loaded is the result's, that of the header the series'.
    step = {"slice_step_mm": series.get("header_slice_step_mm")}
    sources = [{"path": Path(), **item} for item in series["sources"]]
    return built(
        Series, {**series, **checked["study"], **checked["geometry"], **step, "sources": sources}
    )


def _space(item: Mapping[str, Any], published: Published) -> AssessedSpace:
    if item["status"] == "not_measured":
        return AssessedSpace(built(NotMeasured, item))
    kind = item["kind"]

    def cited(model: type[Comparison] | type[Reference], one: Mapping[str, Any]) -> Any:
        return built(model, {**one, "published": published[one["evidence_id"], kind]})

    reference = item.get("reference", {})
    return AssessedSpace(
        built(Measurement, {**item, "segment": item}),
        tuple(cited(Comparison, one) for one in item["comparisons"]),
        cited(Reference, reference) if "evidence_id" in reference else None,
    )


def read_result(path: Path) -> StudyResult:
    """Read a result file.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, is no JSON or breaks the schema.
    """
    advice = "write it again with measure"
    return result_from_json(read_json(path, "the result", advice, UnreadableInputError))
