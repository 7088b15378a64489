"""A result as FHIR R4 observations, for systems that file numbers and not documents.

As in ``result.json`` nothing names the patient: whoever files the observations knows the study by
its UID, and adds the subject.
"""

from __future__ import annotations

import datetime
import uuid
from typing import Any

from highdicom.sr import CodedConcept

from ifspace.dicom_out import codes
from ifspace.dicom_out.group import tracking_uid
from ifspace.model import AssessedSpace, Measurement, NotMeasured, StudyResult
from ifspace.notice import NOTICE

_UCUM = "http://unitsofmeasure.org"
_UID_SYSTEM = "urn:dicom:uid"
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    # No code of LOINC names the spaces: these are the codes of our structured reports.
    codes.SCHEME: f"urn:oid:{codes.SCHEME_UID}",
}
_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
_ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def observation_bundle(result: StudyResult) -> dict[str, Any]:
    """Give one observation for every space and side that was asked for, measured or not.

    There is no interpretation, because none is made. An observation is ``final`` where the whole
    result is, and ``preliminary`` otherwise.

    References
    ----------
    HL7 FHIR R4 (4.0.1), Bundle and Observation; 8-bit UCUM units.
    """
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": _url(result, space), "resource": _observation(result, space)}
            for space in result.spaces
        ],
    }


def _url(result: StudyResult, space: AssessedSpace) -> str:
    """Name an observation: the same one whenever the same thing was said about the same images."""
    outcome, series = space.outcome, result.series
    said = str(outcome.value_mm) if isinstance(outcome, Measurement) else outcome.reason.value
    names = (str(series.study_instance_uid), str(series.series_instance_uid), said)
    name = chr(31).join(("fhir", *names, outcome.kind.value, outcome.side.value))
    return f"urn:uuid:{uuid.uuid5(codes.NAMESPACE, name)}"


def _observation(result: StudyResult, space: AssessedSpace) -> dict[str, Any]:
    outcome = space.outcome
    kind, side = outcome.kind, outcome.side
    made: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "final" if result.is_final else "preliminary",
        "category": [_concept(_CATEGORY, "imaging", "Imaging")],
        "code": _coded(codes.SPACE[kind], codes.DISTANCE, text=kind.full_name),
        "bodySite": _site(space),
        "device": {"type": "Device", "display": f"{codes.SOFTWARE_NAME} {result.software_version}"},
        "note": [{"text": NOTICE}],
        "component": [{"code": _coded(codes.LATERALITY)} | _value(codes.SIDE[side])],
    }
    made |= _study(result, space) | _reader(result)
    return made | (
        _refused(outcome) if isinstance(outcome, NotMeasured) else _number(outcome, made)
    )


def _site(space: AssessedSpace) -> dict[str, Any]:
    """Name the site with its side; the muscle has a code in a scheme that FHIR writes otherwise."""
    sites = codes.SITES[space.outcome.kind]
    words = " and ".join(site.meaning for site in sites)
    coded = _coded(sites[0]) if sites[0].scheme_designator in _SYSTEMS else {}
    return {**coded, "text": f"{words}, {space.outcome.side}"}


def _study(result: StudyResult, space: AssessedSpace) -> dict[str, Any]:
    """Link to the study, and number the observation as the structured report does."""
    uid = result.series.study_instance_uid
    if uid is None:
        return {}
    tracked = tracking_uid(uid, space.outcome.kind, space.outcome.side)
    study = {"system": _UID_SYSTEM, "value": f"urn:oid:{uid}"}
    return {
        "identifier": [{"system": _UID_SYSTEM, "value": f"urn:oid:{tracked}"}],
        "derivedFrom": [{"type": "ImagingStudy", "identifier": study}],
    }


def _reader(result: StudyResult) -> dict[str, Any]:
    session = result.session
    made: dict[str, Any] = {}
    if session.reader:
        made["performer"] = [{"type": "Practitioner", "identifier": {"value": session.reader}}]
    if result.is_final and session.signature is not None:
        try:
            signed = datetime.datetime.fromisoformat(session.signature.signed_at)
        except ValueError:
            return made
        if signed.tzinfo is not None:
            # An instant is one only with its offset from UTC.
            made["issued"] = signed.isoformat()
    return made


def _number(measured: Measurement, made: dict[str, Any]) -> dict[str, Any]:
    return {
        "valueQuantity": _quantity(measured.value_mm),
        "method": _coded(codes.method(measured.method)),
        "component": [
            *made["component"],
            {
                "code": _coded(codes.UNCERTAINTY, text="Half-width of the 95 % interval"),
                "valueQuantity": _quantity(measured.u95_mm),
            },
            {"code": _coded(codes.MARK_STATE)} | _value(codes.STATE[measured.state]),
        ],
    }


def _refused(outcome: NotMeasured) -> dict[str, Any]:
    why = _coded(codes.reason(outcome.reason), text=outcome.detail)
    absent = _concept(_ABSENT, "not-performed", "Not Performed")
    return {"dataAbsentReason": {**why, "coding": absent["coding"] + why["coding"]}}


def _quantity(length_mm: float) -> dict[str, Any]:
    return {"value": length_mm, "unit": "mm", "system": _UCUM, "code": "mm"}


def _value(code: CodedConcept) -> dict[str, Any]:
    return {"valueCodeableConcept": _coded(code)}


def _coded(*names: CodedConcept, text: str = "") -> dict[str, Any]:
    """Write codes of one meaning, with their words."""
    coding = [
        {
            "system": _SYSTEMS[name.scheme_designator],
            "code": name.value,
            "display": name.meaning,
        }
        for name in names
    ]
    return {"coding": coding, "text": text or names[0].meaning}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display}]}
