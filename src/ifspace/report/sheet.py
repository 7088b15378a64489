"""What stands on page one of the PDF: both sides, both spaces, at a glance.

Everything here is words and rounded numbers; the template only arranges them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ifspace.model import (
    SIDES_AS_SEEN,
    AssessedSpace,
    Kind,
    Measurement,
    NotMeasured,
    PatientIdentity,
    Severity,
    Side,
    StudyResult,
)
from ifspace.report import wording
from ifspace.report.references import References
from ifspace.report.texts import Texts

Sheet = dict[str, Any]

# Wide enough for a wide adult hip; the published control means lie at 23 to 29 mm.
RULER_MM = 40.0
# Paper millimetres: the ruler is drawn this long, a cut-off label takes so much of it.
RULER_PAPER_MM = 150.0
LABEL_CHARACTER_PAPER_MM = 1.35
LABEL_GAP_PAPER_MM = 1.6

# With more cut-offs on one ruler their labels lose the reference, which the table repeats.
CUTOFFS_WITH_REFERENCE = 6

# More would push the key images off page one; the rest stands under the image checks.
CAUTIONS_ON_PAGE_ONE = 3
# The state of the marks stands beside every value already.
TOLD_ELSEWHERE = {"marks_not_confirmed"}


def patient_block(
    result: StudyResult, identity: PatientIdentity | None, texts: Texts
) -> list[dict[str, str]]:
    """List who was measured; without an identity only age, sex and reader."""
    rows = []
    if identity is not None:
        rows += [
            ("patient.name", person_name(identity.name)),
            ("patient.id", identity.patient_id),
            ("patient.born", date(identity.birth_date)),
        ]
    rows.append(("patient.age_sex", _age_and_sex(result, texts)))
    if identity is not None:
        rows += [
            ("patient.study_date", date(identity.study_date)),
            ("patient.accession", identity.accession_number),
        ]
    rows.append(("patient.reader", result.session.reader or ""))
    return [{"label": texts[key], "value": text or texts["unknown"]} for key, text in rows]


def person_name(name: str) -> str:
    """Print a DICOM person name (PS3.5 6.2.1) as people write it, every script of it."""
    groups = []
    for group in name.split("="):
        family, *rest = group.split("^")
        given = " ".join(part for part in rest if part)
        groups.append(", ".join(part for part in (family, given) if part))
    return " · ".join(group for group in groups if group)


def date(text: str) -> str:
    """Print a DICOM date as year-month-day, anything else as it is."""
    if len(text) == 8 and text.isdigit():
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return text


def _age_and_sex(result: StudyResult, texts: Texts) -> str:
    age_years, sex = result.series.patient_age_years, result.series.patient_sex
    age = texts["unknown"]
    if age_years is not None:
        age = texts["age"].format(years=wording.plain(math.floor(age_years)))
    known = {"F": texts["sex.F"], "M": texts["sex.M"], "O": texts["sex.O"]}
    return f"{age}, {known.get(sex or '', texts['unknown'])}"


def table(result: StudyResult, texts: Texts) -> list[Sheet]:
    """Lay out both spaces of both sides."""
    return [
        {
            "kind": kind.value,
            "short": texts[f"kind.short.{kind.value}"],
            "name": texts[f"kind.name.{kind.value}"],
            "definition": texts[f"kind.definition.{kind.value}"],
            "cells": [
                _cell(wording.find_space(result, kind, side), result, texts)
                for side in SIDES_AS_SEEN
            ],
        }
        for kind in Kind
    ]


def _cell(space: AssessedSpace | None, result: StudyResult, texts: Texts) -> Sheet:
    if space is None:
        return {"value": "", "detail": texts["not_asked"]}
    if isinstance(space.outcome, NotMeasured):
        return {
            "value": "",
            "detail": texts["not_measured"],
            "reason": wording.not_measured(space.outcome, texts),
        }
    where = wording.slice_of_stack(space.outcome.slice_index, result, texts)
    state = texts[f"mark_state.{space.outcome.state.value}"]
    return {
        "value": wording.value(space.outcome, texts),
        "detail": texts["cell.detail"].format(state=state, slice=where),
    }


def rulers(result: StudyResult, references: References, texts: Texts) -> list[Sheet]:
    """Describe one ruler for each kind that has a number on either side."""
    return [
        ruler for kind in Kind if (ruler := _ruler(kind, result, references, texts)) is not None
    ]


def _ruler(kind: Kind, result: StudyResult, references: References, texts: Texts) -> Sheet | None:
    spaces = [wording.find_space(result, kind, side) for side in SIDES_AS_SEEN]
    measured = [
        (space, space.outcome)
        for space in spaces
        if space is not None and isinstance(space.outcome, Measurement)
    ]
    if not measured:
        return None
    range_mm = _range_mm(item for _, item in measured)
    cutoffs = _cutoffs((space for space, _ in measured), references, range_mm)
    values = " ".join(
        texts["ruler.alt.value"].format(
            side=texts[f"side.{item.side.value}"], value=wording.value(item, texts)
        )
        for _, item in measured
    )
    return {
        "kind": kind.value,
        "name": f"{texts[f'kind.name.{kind.value}']} ({texts[f'kind.short.{kind.value}']})",
        "range_mm": range_mm,
        "lanes": [_lane(item, texts) for _, item in measured],
        "cutoffs": cutoffs,
        "label_rows": 1 + max((item["row"] for item in cutoffs), default=0),
        "means": _means((space for space, _ in measured), texts),
        "alt": texts["ruler.alt"].format(
            kind=texts[f"kind.name.{kind.value}"],
            values=values,
            cutoffs=", ".join(item["label"] for item in cutoffs) or texts["none"],
        ),
    }


def _range_mm(measurements: Iterable[Measurement]) -> float:
    """Keep the common range; stretch it by tens where a value would not fit."""
    farthest_mm = max(item.value_mm + item.u95_mm for item in measurements)
    return max(RULER_MM, 10.0 * math.ceil((farthest_mm + 3.0) / 10.0))


def _lane(item: Measurement, texts: Texts) -> Sheet:
    return {
        "side": texts[f"side.letter.{item.side.value}"],
        "value_mm": item.value_mm,
        "low_mm": max(0.0, item.value_mm - item.u95_mm),
        "high_mm": item.value_mm + item.u95_mm,
        "label": wording.millimetres(item.value_mm),
    }


def _cutoffs(
    spaces: Iterable[AssessedSpace], references: References, range_mm: float
) -> list[Sheet]:
    """Merge equal cut-offs and stack their labels so that none touches another."""
    numbers: dict[float, set[int]] = {}
    for space in spaces:
        for item in space.comparisons:
            numbers.setdefault(item.cutoff_mm, set()).add(references.number(item.published))
    paper_mm = RULER_PAPER_MM / range_mm
    row_ends_mm: list[float] = []
    labels = []
    for cutoff_mm in sorted(numbers):
        cited = ",".join(str(number) for number in sorted(numbers[cutoff_mm]))
        label = wording.plain(cutoff_mm)
        if len(numbers) <= CUTOFFS_WITH_REFERENCE:
            label += f" [{cited}]"
        half_mm = len(label) * LABEL_CHARACTER_PAPER_MM / 2.0
        start_mm = cutoff_mm * paper_mm - half_mm
        row = _first_free_row(row_ends_mm, start_mm)
        row_ends_mm[row] = cutoff_mm * paper_mm + half_mm + LABEL_GAP_PAPER_MM
        labels.append({"value_mm": cutoff_mm, "label": label, "row": row})
    return labels


def _first_free_row(row_ends_mm: list[float], start_mm: float) -> int:
    """Find the lowest row that is free from `start_mm` on; opens a new one if none is."""
    for row, end_mm in enumerate(row_ends_mm):
        if end_mm <= start_mm:
            return row
    row_ends_mm.append(0.0)
    return len(row_ends_mm) - 1


def _means(spaces: Iterable[AssessedSpace], texts: Texts) -> list[Sheet]:
    """List the two group means beside the values, once."""
    found: Mapping[tuple[float, str], None] = dict.fromkeys(
        pair
        for space in spaces
        if space.reference is not None
        for pair in (
            (space.reference.symptomatic_mean_mm, space.reference.published.cases),
            (space.reference.control_mean_mm, space.reference.published.controls),
        )
    )
    smallest_mm = min((mean_mm for mean_mm, _ in found), default=0.0)
    return [
        {
            "value_mm": mean_mm,
            "lower": mean_mm == smallest_mm,
            "label": texts["ruler.means"].format(value=wording.plain(mean_mm), group=group),
        }
        for mean_mm, group in found
    ]


def summary(result: StudyResult, texts: Texts) -> list[str]:
    """Say it in sentences, right side first; no diagnosis."""
    if not result.spaces:
        return [texts["summary.nothing"]]
    sentences = [
        space_sentence(space, texts)
        for side in SIDES_AS_SEEN
        for kind in Kind
        if (space := wording.find_space(result, kind, side)) is not None
    ]
    if result.measurements:
        sentences.append(position_sentence(result, texts))
    return sentences


def space_sentence(space: AssessedSpace, texts: Texts) -> str:
    """Say one outcome with the evidence beside it."""
    outcome = space.outcome
    side, kind = wording.space_name(outcome.kind, outcome.side, texts)
    if isinstance(outcome, NotMeasured):
        reason = wording.not_measured(outcome, texts)
        return texts["summary.not_measured"].format(side=side, kind=kind, reason=reason)
    said = wording.value(outcome, texts)
    parts = [texts["summary.space"].format(side=side, kind=kind, value=said)]
    position = wording.reference_position(space, texts)
    if position is not None:
        parts.append(position)
    text = f"{', '.join(parts)}. "
    if not space.comparisons:
        return text + texts["summary.no_cutoffs"]
    return text + texts["summary.cutoffs"].format(relations=wording.relations(space, texts))


def position_sentence(result: StudyResult, texts: Texts) -> str:
    """Say how the hips lay, or that it is unknown, and that it matters."""
    return texts["summary.position"].format(
        rotation=wording.acquisition(result, "hip_rotation"),
        bolster=wording.acquisition(result, "knee_bolster"),
        body=wording.body_position(result, texts),
    )


def cautions(result: StudyResult, texts: Texts) -> list[str]:
    """List what the reader must know before using the numbers, the gravest first."""
    told = [item for item in result.flags if item.code not in TOLD_ELSEWHERE]
    grave = [item.detail for item in told if item.severity is Severity.REFUSAL]
    grave += [item.detail for item in told if item.severity is Severity.CAUTION]
    shown = grave[:CAUTIONS_ON_PAGE_ONE]
    if len(grave) > len(shown):
        shown.append(texts["caution.more"].format(count=len(grave) - len(shown)))
    return shown


def picture_alt(result: StudyResult, side: Side, texts: Texts) -> str:
    """Describe a key image for those who cannot see it."""
    sentences = [
        space_sentence(space, texts) for space in result.spaces if space.outcome.side is side
    ]
    return texts["pictures.alt"].format(
        side=texts[f"side.{side.value}"], values=" ".join(sentences)
    )


def no_picture(result: StudyResult, side: Side, texts: Texts) -> str:
    """Say why one side has no key image while the other has."""
    asked = any(space.outcome.side is side for space in result.spaces)
    return texts["pictures.missing" if asked else "pictures.not_asked"].format(
        side=texts[f"side.{side.value}"]
    )
