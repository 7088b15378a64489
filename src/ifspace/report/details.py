"""What stands on the pages after the first: how each number came about and what it rests on."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from ifspace.findings import FINDINGS
from ifspace.model import SIDES_AS_SEEN, Kind, LevelValue, Measurement, NotMeasured, StudyResult
from ifspace.report import wording
from ifspace.report.references import References, published_in_use
from ifspace.report.texts import Texts

Rows = list[dict[str, Any]]

# What has to be kept in mind, and the evidence that each rests on.
CAVEATS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "position": ("hatem_2021_positioning",),
        "prone": ("zhang_2021_external_rotation", "johnson_2017_position"),
        "narrow": ("schroder_2015_asymptomatic", "ajr_2016_paediatric"),
        "probability": ("singer_2015_meta_ifs",),
        "planar": (),
        "sex": ("bjr_2020_hip_mri",),
        "age": (
            "goldberg_stein_2018_preteen",
            "goldberg_stein_2018_teen",
            "mersin_2022_children",
        ),
    }
)


def technique(result: StudyResult, texts: Texts) -> Rows:
    """List how the images were made, as far as their headers and the reader tell."""
    series, unknown = result.series, texts["unknown"]
    times = (_number(series.repetition_time_ms, 0), _number(series.echo_time_ms, 1))
    tesla = _number(series.field_strength_t, 2)
    lines = {
        "series": series.description or unknown,
        "contrast": series.contrast.value,
        "plane": texts["technique.plane.value"].format(
            plane=series.plane.value, tilt=_number(series.tilt_from_axial_deg, 1) or unknown
        ),
        "slices": texts["technique.slices.value"].format(
            count=series.slice_count,
            step=_length(result.slice_step_mm, texts),
            thickness=_length(series.slice_thickness_mm, texts),
        ),
        "pixel": texts["technique.pixel.value"].format(
            row=_number(series.row_spacing_mm, 4) or unknown,
            column=_number(series.column_spacing_mm, 4) or unknown,
            source=series.spacing_source or unknown,
        ),
        "matrix": _matrix(result, texts),
        "times": texts["technique.times.value"].format(
            times=" / ".join(time or unknown for time in times)
        )
        if any(times)
        else unknown,
        "field": texts["technique.field.value"].format(tesla=tesla) if tesla else unknown,
        "position": wording.body_position(result, texts),
        "rotation": wording.acquisition(result, "hip_rotation"),
        "bolster": wording.acquisition(result, "knee_bolster"),
        "format": series.file_format,
    }
    return [{"label": texts[f"technique.{key}"], "value": line} for key, line in lines.items()]


def _number(value: float | None, digits: int) -> str:
    """Print a header's number; nothing where the header has none."""
    return "" if value is None else wording.plain(round(value, digits))


def _length(value_mm: float | None, texts: Texts) -> str:
    if value_mm is None:
        return texts["unknown"]
    return texts["mm"].format(value=_number(value_mm, 2))


def _matrix(result: StudyResult, texts: Texts) -> str:
    acquired = result.series.acquisition_matrix
    return texts["technique.matrix.value"].format(
        rows=result.series.rows,
        columns=result.series.columns,
        acquired=f"{acquired[0]} × {acquired[1]}" if acquired else texts["unknown"],
    )


def group_means(result: StudyResult, references: References, texts: Texts) -> list[str]:
    """Say every pair of group means that is drawn beside a value, and how the value lies to it."""
    used = {
        (item.evidence_id, item.kind): item
        for item in published_in_use(result)
        if item.cases_mean_mm and item.controls_mean_mm
    }
    return [
        texts["means.sentence"].format(
            cited=references.cited({references.number(item)}),
            kind=texts[f"kind.short.{item.kind.value}"],
            cases=item.cases,
            controls=item.controls,
            symptomatic=wording.plain(item.cases_mean_mm or 0.0),
            control=wording.plain(item.controls_mean_mm or 0.0),
            level=item.evidence_level,
        )
        for item in used.values()
    ]


def origins(result: StudyResult, texts: Texts) -> Rows:
    """Tell for each number where it comes from."""
    return [_origin(item, result, texts) for item in _as_seen(result)]


def without_number(result: StudyResult, texts: Texts) -> list[str]:
    """Say in full why a space that was asked for has no number."""
    return [
        texts["origin.not_measured"].format(
            name=" ".join(wording.space_name(space.outcome.kind, space.outcome.side, texts)),
            reason=wording.not_measured(space.outcome, texts),
            detail=space.outcome.detail,
        )
        for space in result.spaces
        if isinstance(space.outcome, NotMeasured)
    ]


def _as_seen(result: StudyResult) -> list[Measurement]:
    """List the measurements right side first, IFS before QFS."""
    order = list(SIDES_AS_SEEN), list(Kind)
    return sorted(
        result.measurements,
        key=lambda item: (order[0].index(item.side), order[1].index(item.kind)),
    )


def _origin(item: Measurement, result: StudyResult, texts: Texts) -> dict[str, Any]:
    z_mm = float(item.segment.start_lps_mm[2] + item.segment.end_lps_mm[2]) / 2.0
    z_text = texts["origin.slice.z"].format(z=wording.millimetres(z_mm))
    return {
        "name": " ".join(wording.space_name(item.kind, item.side, texts)),
        "value": wording.value(item, texts),
        "method": _method(item.method, texts),
        "marks": _marks(item, texts),
        "slice": texts["origin.slice.value"].format(
            slice=wording.slice_of_stack(item.slice_index, result, texts),
            index=item.slice_index,
            z=z_text,
        ),
        "range": "; ".join(_over_the_range(item, texts)),
        "budget": [
            {"name": part.name, "value": f"{part.standard_mm:.2f}", "source": part.source}
            for part in item.budget
        ],
        "u95": wording.u95_millimetres(item.u95_mm),
    }


def _method(name: str, texts: Texts) -> str:
    """Name how a distance was found in words; a method of a later version stands as it is."""
    stem, _, _ = name.partition("/")
    return texts.get(f"origin.method.{stem}", "{method}").format(method=name)


def _marks(item: Measurement, texts: Texts) -> str:
    """Say who put the marks behind a number, and how sure a program was."""
    sources = sorted({mark.source.value for mark in item.marks})
    said = texts["marks.value"].format(
        state=texts[f"mark_state.short.{item.state.value}"],
        source=wording.enumerate_words([texts[f"source.{name}"] for name in sources], texts),
    )
    confidences = [mark.confidence for mark in item.marks if mark.confidence is not None]
    if not confidences:
        return said
    return texts["marks.confidence"].format(value=said, confidence=f"{min(confidences):.2f}")


def _over_the_range(item: Measurement, texts: Texts) -> list[str]:
    parts = []
    if not item.curve:
        parts.append(texts["origin.single"])
    if item.second_best_mm is not None:
        second = wording.millimetres(item.second_best_mm)
        parts.append(texts["origin.second"].format(value=second))
    if item.minimum_at_range_end is not None:
        key = "origin.range_end" if item.minimum_at_range_end else "origin.range_inside"
        parts.append(texts[key])
    if item.apex_mm is not None:
        parts.append(texts["origin.apex"].format(value=wording.millimetres(item.apex_mm)))
    if item.label_mm is not None:
        corrected = item.label_mm != item.value_mm
        key = "origin.label" if corrected else "origin.label_kept"
        parts.append(texts[key].format(value=wording.millimetres(item.label_mm)))
    if item.ifs_3d_mm is not None:
        parts.append(texts["origin.in_space"].format(value=wording.millimetres(item.ifs_3d_mm)))
    if item.readings > 1:
        parts.append(texts["origin.readings"].format(count=item.readings))
    return parts


def curves(result: StudyResult, texts: Texts) -> Rows:
    """Describe the distance by slice wherever more than one slice was measured."""
    return [_curve(item, texts) for item in _as_seen(result) if len(item.curve) > 1]


def _curve(item: Measurement, texts: Texts) -> dict[str, Any]:
    side, kind = wording.space_name(item.kind, item.side, texts)
    top_mm = max(point.value_mm + point.u95_mm for point in item.curve)
    said = ", ".join(
        texts["curve.point"].format(
            number=point.slice_index + 1, value=wording.millimetres(point.value_mm)
        )
        for point in item.curve
    )
    return {
        "kind": item.kind.value,
        "title": texts["curve.title"].format(side=side, kind=kind),
        "alt": texts["curve.alt"].format(side=side, kind=kind, points=said),
        "top_mm": 10.0 * math.ceil(top_mm / 10.0),
        "points": [_curve_point(point, item) for point in item.curve],
    }


def _curve_point(point: LevelValue, item: Measurement) -> dict[str, Any]:
    return {
        "slice": point.slice_index + 1,
        "value_mm": point.value_mm,
        "low_mm": max(0.0, point.value_mm - point.u95_mm),
        "high_mm": point.value_mm + point.u95_mm,
        "reported": point.slice_index == item.slice_index,
    }


def findings(result: StudyResult, texts: Texts) -> Rows:
    """List every companion finding; what the reader did not record was not assessed."""
    return [
        {
            "finding": choice.label,
            "cells": [wording.finding(result, key, side, texts) for side in SIDES_AS_SEEN],
        }
        for key, choice in FINDINGS.items()
    ]


def cited_by_caveats() -> list[str]:
    """List the evidence that the caveats rest on."""
    return list(dict.fromkeys(name for names in CAVEATS.values() for name in names))


def caveats(references: References, texts: Texts) -> list[str]:
    """List what has to be kept in mind, each with the evidence it rests on."""
    return [f"{texts[f'caveat.{name}']}{references.cite(ids)}" for name, ids in CAVEATS.items()]


def flags(result: StudyResult, texts: Texts) -> Rows:
    """List everything that was found in the images and the marks."""
    return [
        {"severity": texts[f"severity.{item.severity.value}"], "detail": item.detail}
        for item in result.flags
    ]


def provenance(result: StudyResult, texts: Texts) -> Rows:
    """List what is needed to repeat the run."""
    unknown = texts["unknown"]
    lines = {
        "software": f"ifspace {result.software_version}",
        "study": result.series.study_instance_uid or unknown,
        "series": result.series.series_instance_uid or unknown,
        "evidence": result.evidence_sha256 or unknown,
        "settings": "; ".join(_settings(result, texts)) or texts["provenance.none"],
    }
    return [{"label": texts[f"provenance.{key}"], "value": line} for key, line in lines.items()]


def _settings(result: StudyResult, texts: Texts) -> Iterator[str]:
    """Say in words what the run was asked for beyond the defaults; result.json holds all of it."""
    if result.settings.get("evidence_ids"):
        yield texts["settings.evidence"]
    if result.settings.get("local_evidence"):
        yield texts["settings.local"]
    if source := result.settings.get("reader_precision_source"):
        yield texts["settings.precision"].format(source=source)
