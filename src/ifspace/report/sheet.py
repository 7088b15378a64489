"""What stands on page one of the PDF beside the conclusion and the rulers.

Everything here is words and rounded numbers; the template only arranges them.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any

from ifspace.findings import PAINFUL_SIDES
from ifspace.measurement.uncertainty import DEFAULT_READER_SOURCE
from ifspace.model import (
    SIDES_AS_SEEN,
    AssessedSpace,
    FlagCode,
    Kind,
    MarkState,
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

# More would push the key images off page one; the rest stands under the image checks.
CAUTIONS_ON_PAGE_ONE = 3
# Said elsewhere on page one: beside the values, in the conclusion, under the patient, in the note
# of the panel.
TOLD_ELSEWHERE = frozenset(
    {
        FlagCode.MARKS_NOT_CONFIRMED,
        FlagCode.NARROW_WITHOUT_SYMPTOMS,
        FlagCode.HIP_POSITION_UNKNOWN,
        FlagCode.KNEE_BOLSTER_UNKNOWN,
        FlagCode.PATIENT_POSITION_UNKNOWN,
    }
)
TOLD_BY_PANEL = frozenset({FlagCode.AGE_UNKNOWN, FlagCode.CHILD, FlagCode.HIP_ROTATED})
HASH_SHOWN = 16


def patient_block(
    result: StudyResult, identity: PatientIdentity | None, texts: Texts
) -> list[dict[str, str]]:
    """List who was measured; without an identity only age, sex, painful side and reader."""
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
    painful = PAINFUL_SIDES.get(result.session.painful_side or "", texts["not_given"])
    rows += [
        ("patient.painful_side", painful),
        ("patient.reader", result.session.reader or ""),
    ]
    return [{"label": texts[key], "value": text or texts["unknown"]} for key, text in rows]


def request_block(result: StudyResult, texts: Texts) -> list[dict[str, str]]:
    """List what was asked and how the hips lay: longer words than those of the patient."""
    rows = {
        "patient.indication": result.session.indication or texts["not_given"],
        "patient.comparison": result.session.comparison or texts["not_given"],
        "patient.position": position(result, texts),
    }
    return [{"label": texts[key], "value": text} for key, text in rows.items()]


def source_file(result: StudyResult, texts: Texts) -> str:
    """Name the file of images that name no patient, and its hash; empty where there is none."""
    path = result.series.sources[0].path if result.series.sources else None
    if result.series.file_format == "DICOM" or path is None or not path.is_file():
        return ""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_SHOWN]
    return texts["patient.file"].format(name=path.name, digest=digest)


def position(result: StudyResult, texts: Texts) -> str:
    """Say how the hips lay, or that it is unknown."""
    rotation = wording.acquisition(result, "hip_rotation")
    if rotation in ("unknown", "neutral"):
        rotation = texts[f"patient.rotation.{rotation}"]
    return texts["patient.position.value"].format(
        rotation=rotation,
        bolster=wording.acquisition(result, "knee_bolster"),
        body=wording.body_position(result, texts),
    )


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


def table(result: StudyResult, references: References, texts: Texts) -> list[Sheet]:
    """Lay out both spaces of both sides, each with its comparison beside the value."""
    return [
        {
            "kind": kind.value,
            "short": texts[f"kind.short.{kind.value}"],
            "definition": texts[f"kind.definition.{kind.value}"],
            "cells": [
                _cell(wording.find_space(result, kind, side), references, texts)
                for side in SIDES_AS_SEEN
            ],
        }
        for kind in Kind
    ]


def _cell(space: AssessedSpace | None, references: References, texts: Texts) -> Sheet:
    if space is None:
        return {"value": "", "detail": texts["not_asked"], "state": ""}
    if isinstance(space.outcome, NotMeasured):
        reason = wording.not_measured(space.outcome, texts)
        shown = wording.is_not_shown(space.outcome)
        return {"value": "", "detail": reason if shown else texts["not_measured"],
                "state": "" if shown else reason}  # fmt: skip
    state = space.outcome.state
    said = texts[f"mark_state.{state.value}"]
    return {
        "value": wording.value(space.outcome, texts),
        "detail": wording.relations(space, texts, references) or texts["cell.no_cutoffs"],
        "state": "" if state is MarkState.CONFIRMED else said,
    }


def value_note(result: StudyResult, texts: Texts) -> str:
    """Say what a value and its interval are, and whose precision the interval holds."""
    source = result.settings.get("reader_precision_source") or DEFAULT_READER_SOURCE
    return texts["value.note"].format(source=source)


def cautions(result: StudyResult, references: References, texts: Texts) -> list[str]:
    """List what the reader must know before using the numbers, the gravest first."""
    elsewhere = TOLD_ELSEWHERE | (TOLD_BY_PANEL if result.panel_note else frozenset())
    told = [item for item in result.flags if item.code not in elsewhere]
    grave = [item.detail for item in told if item.severity is Severity.REFUSAL]
    grave += [item.detail for item in told if item.severity is Severity.CAUTION]
    shown = grave[:CAUTIONS_ON_PAGE_ONE]
    if len(grave) > len(shown):
        shown.append(texts["caution.more"].format(count=len(grave) - len(shown)))
    if result.panel_note:
        shown.append(result.panel_note)
    if result.measurements:
        cited = references.cite(["hatem_2021_positioning"])
        shown.append(texts["caution.position"].format(cited=cited))
    return shown


def picture_alt(result: StudyResult, side: Side, texts: Texts) -> str:
    """Describe a key image for those who cannot see it."""
    said = [
        f"{texts[f'kind.short.{item.kind.value}']} {wording.value(item, texts)}"
        for item in result.measurements
        if item.side is side
    ]
    return texts["pictures.alt"].format(side=texts[f"side.{side.value}"], values=", ".join(said))


def no_picture(result: StudyResult, side: Side, texts: Texts) -> str:
    """Say why one side has no key image while the other has."""
    outcomes = [space.outcome for space in result.spaces if space.outcome.side is side]
    key = "pictures.missing" if outcomes else "pictures.not_asked"
    if outcomes and all(map(wording.is_not_shown, outcomes)):
        key = "pictures.not_shown"
    return texts[key].format(side=texts[f"side.{side.value}"])
