"""Check the structure of a report we wrote: every item that TID 1500 and its readers need.

General validators look at what is there and miss what is absent; this one knows what has to be
there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset

from ifspace.dicom_out import codes
from ifspace.dicom_out.content import code_of, concept, read_report, walk
from ifspace.dicom_out.group import OHIF_LENGTH_TOOL
from ifspace.dicom_out.readback import read_sr
from ifspace.errors import SessionError
from ifspace.findings import FINDINGS
from ifspace.io.values import items_of, refused_as
from ifspace.model import Kind, Side

# A float32 coordinate near 1000 mm is exact to 0.00006 mm.
LENGTH_TOLERANCE_MM = 0.01

OBSERVER_TYPE, DEVICE_OBSERVER_UID, PERSON_OBSERVER_NAME = "121005", "121012", "121008"
LANGUAGE = "121049"
SOURCE = "121112"
MEASUREMENT_METHOD = "370129005"
KIND_OF_CODE = {codes.SPACE[kind].value: kind for kind in Kind}
SIDED = {*KIND_OF_CODE, *FINDINGS}
SIDE_OF_CODE = {codes.SIDE[side].value: side for side in Side}


def validate_sr(path: Path) -> list[str]:
    """Say in plain sentences what a report of ours lacks; nothing if all is well.

    Raises
    ------
    SessionError
        If the file is no structured report.
    """
    with refused_as(f"{path.name} holds a damaged report; take another copy of it", SessionError):
        report = read_report(path)
        # Elements are decoded when they are first looked at, damaged ones here.
        found = list(problems(report))
    if not found:
        try:
            read_sr(path)
        except SessionError as error:
            found.append(str(error))
    return found


def problems(report: Dataset) -> tuple[str, ...]:
    """Say in plain sentences what a report of ours lacks; nothing if all is well."""
    return (
        *_header(report),
        *_root(report),
        *_library(report),
        *_references(report),
        *_measurements(report),
        *_evaluations(report),
        *_both_spaces(report),
    )


def _named(parent: Dataset, name: str, value_type: str) -> list[Dataset]:
    """Find the children of a content item with one concept and value type."""
    return [
        item
        for item in items_of(parent, "ContentSequence")
        if concept(item)[1] == name and item.get("ValueType") == value_type
    ]


def _missing(parent: Dataset, name: str, value_type: str, words: str) -> Iterator[str]:
    """Complain unless there is exactly one such child with a value."""
    found = _named(parent, name, value_type)
    if len(found) != 1:
        yield f"{words}: found {len(found)}, expected one"
    elif not _has_value(found[0]):
        yield f"{words}: has no value"


def _has_value(item: Dataset) -> bool:
    keyword = {
        "TEXT": "TextValue",
        "CODE": "ConceptCodeSequence",
        "UIDREF": "UID",
        "PNAME": "PersonName",
        "NUM": "MeasuredValueSequence",
        "CONTAINER": "ContentSequence",
        "IMAGE": "ReferencedSOPSequence",
    }[item.ValueType]
    return bool(item.get(keyword))


def _header(report: Dataset) -> Iterator[str]:
    for keyword in (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SOPInstanceUID",
        "ContentDate",
        "ContentTime",
        "CompletionFlag",
        "VerificationFlag",
        "PreliminaryFlag",
        "CurrentRequestedProcedureEvidenceSequence",
    ):
        if not report.get(keyword):
            yield f"{keyword} is missing"
    schemes = [
        item.get("CodingSchemeDesignator")
        for item in items_of(report, "CodingSchemeIdentificationSequence")
    ]
    if codes.SCHEME not in schemes:
        yield f"the private scheme {codes.SCHEME} is not declared"
    if report.get("VerificationFlag") == "VERIFIED" and not items_of(
        report, "VerifyingObserverSequence"
    ):
        yield "the report is verified by nobody"


def _root(report: Dataset) -> Iterator[str]:
    if report.get("ValueType") != "CONTAINER" or concept(report) != (
        "DCM",
        codes.REPORT_TITLE.value,
    ):
        yield "the root is no Imaging Measurement Report"
    templates = items_of(report, "ContentTemplateSequence")
    if [(item.get("TemplateIdentifier"), item.get("MappingResource")) for item in templates] != [
        ("1500", "DCMR")
    ]:
        yield "the root does not name template 1500"
    yield from _missing(report, LANGUAGE, "CODE", "language")
    yield from _missing(report, codes.PROCEDURE_REPORTED.value, "CODE", "procedure reported")
    observers = _named(report, OBSERVER_TYPE, "CODE")
    people = [item for item in observers if code_of(item.ConceptCodeSequence[0])[1] == "121006"]
    if len(observers) == len(people):
        yield "observer type of the device: found none, expected one"
    yield from _missing(report, DEVICE_OBSERVER_UID, "UIDREF", "UID of the device")
    names = _named(report, PERSON_OBSERVER_NAME, "PNAME")
    if len(names) != len(people):
        yield f"{len(people)} persons observed, but {len(names)} names are given"


def _library(report: Dataset) -> Iterator[str]:
    yield from _missing(report, codes.IMAGE_LIBRARY.value, "CONTAINER", "image library")
    for library in _named(report, codes.IMAGE_LIBRARY.value, "CONTAINER"):
        groups = _named(library, codes.IMAGE_LIBRARY_GROUP.value, "CONTAINER")
        if not groups:
            yield "the image library has no group"
        for group in groups:
            yield from _missing(group, codes.MODALITY.value, "CODE", "modality of the images")
            if not any(
                item.get("ValueType") == "IMAGE" for item in items_of(group, "ContentSequence")
            ):
                yield "the image library lists no image"


def _references(report: Dataset) -> Iterator[str]:
    """Every image that is referred to has to be in the evidence."""
    evidence = {
        str(instance.ReferencedSOPInstanceUID)
        for study in items_of(report, "CurrentRequestedProcedureEvidenceSequence")
        for series in items_of(study, "ReferencedSeriesSequence")
        for instance in items_of(series, "ReferencedSOPSequence")
    }
    for item in walk(report):
        for reference in items_of(item, "ReferencedSOPSequence"):
            if str(reference.ReferencedSOPInstanceUID) not in evidence:
                yield f"image {reference.ReferencedSOPInstanceUID} is not in the evidence"


def _measurements(report: Dataset) -> Iterator[str]:
    measured = _named(report, codes.IMAGING_MEASUREMENTS.value, "CONTAINER")
    groups: list[Dataset] = []
    for container in measured:
        for group in items_of(container, "ContentSequence"):
            if concept(group)[1] != codes.MEASUREMENT_GROUP.value:
                yield "imaging measurements hold something that is no measurement group"
            else:
                groups.append(group)
    if measured and not groups:
        yield "imaging measurements are empty"
    for number, group in enumerate(groups, start=1):
        for sentence in _group(group):
            yield f"measurement group {number}: {sentence}"
    uids = Counter(
        str(item.get("UID"))
        for group in groups
        for item in _named(group, codes.TRACKING_UID.value, "UIDREF")
    )
    yield from (f"{count} groups share one tracking UID" for count in uids.values() if count > 1)


def _group(group: Dataset) -> Iterator[str]:
    yield from _missing(group, codes.TRACKING_IDENTIFIER.value, "TEXT", "tracking identifier")
    yield from _missing(group, codes.TRACKING_UID.value, "UIDREF", "tracking UID")
    yield from _missing(group, codes.FINDING.value, "CODE", "finding")
    yield from _missing(group, codes.COMMENT.value, "TEXT", "comment with the side")
    yield from _missing(group, codes.MARK_STATE.value, "CODE", "state of the marks")
    yield from _missing(group, codes.UNCERTAINTY.value, "NUM", "uncertainty")
    for item in _named(group, codes.TRACKING_IDENTIFIER.value, "TEXT"):
        if not str(item.TextValue).startswith(OHIF_LENGTH_TOOL):
            yield "the tracking identifier is none that a viewer loads as a line"
    yield from _sites(group)
    yield from _sides(group)
    yield from _missing(group, SOURCE, "IMAGE", "image of the measurement")
    for number in _named(group, codes.UNCERTAINTY.value, "NUM"):
        yield from _missing(number, codes.COMMENT.value, "TEXT", "meaning of the uncertainty")
    for limit in _named(group, codes.NORMAL_RANGE_LOWER_LIMIT.value, "NUM"):
        yield from _missing(
            limit, codes.NORMAL_RANGE_DESCRIPTION.value, "TEXT", "rule of a published cut-off"
        )
        yield from _missing(
            limit, codes.NORMAL_RANGE_AUTHORITY.value, "TEXT", "citation of a published cut-off"
        )
    numbers = [
        item for item in items_of(group, "ContentSequence") if item.get("ValueType") == "NUM"
    ]
    if not numbers:
        yield "number: found none, expected the distance"
    else:
        yield from _distance(numbers[0])


def _sites(group: Dataset) -> Iterator[str]:
    """Every space has its own structures around it."""
    kind = _kind(next(iter(_named(group, codes.FINDING.value, "CODE")), None))
    found = {
        code_of(item.ConceptCodeSequence[0])[1]
        for item in _named(group, codes.FINDING_SITE.value, "CODE")
    }
    if kind is None:
        yield "the finding is none of the spaces"
    elif found != {site.value for site in codes.SITES[kind]}:
        yield "the finding sites are not those of the space"


def _kind(finding: Dataset | None) -> Kind | None:
    """Tell which space a finding is."""
    if finding is None or not items_of(finding, "ConceptCodeSequence"):
        return None
    value = code_of(finding.ConceptCodeSequence[0])[1]
    return next((kind for kind in Kind if codes.SPACE[kind].value == value), None)


def _side(item: Dataset) -> Side | None:
    """Read the laterality below a content item."""
    for modifier in _named(item, codes.LATERALITY.value, "CODE"):
        return SIDE_OF_CODE.get(code_of(modifier.ConceptCodeSequence[0])[1])
    return None


def _sides(group: Dataset) -> Iterator[str]:
    """Compare the places where the side stands: they have to say the same."""
    said = {_side(site) for site in _named(group, codes.FINDING_SITE.value, "CODE")}
    for item in _named(group, codes.COMMENT.value, "TEXT"):
        said.add(next((side for side in Side if str(item.TextValue).endswith(side.value)), None))
    if len(said) != 1 or None in said:
        yield "the sides in finding sites and comment are absent or differ"


def _distance(number: Dataset) -> Iterator[str]:
    """Check that the first number is the distance, with its method and its line."""
    if concept(number)[1] not in {code.value for code in codes.SPACE.values()}:
        yield "the first number is not the distance"
    yield from _missing(number, MEASUREMENT_METHOD, "CODE", "measurement method")
    yield from _missing(number, codes.DERIVATION.value, "CODE", "derivation")
    value = _value_mm(number)
    if value is None:
        yield "the distance has no value in mm"
    lines = [
        item
        for item in items_of(number, "ContentSequence")
        if item.get("ValueType") in ("SCOORD", "SCOORD3D")
    ]
    if len(lines) != 1:
        yield f"line of the distance: found {len(lines)}, expected one"
        return
    yield from _line(lines[0], value)


def _value_mm(number: Dataset) -> float | None:
    measured = items_of(number, "MeasuredValueSequence")
    if not measured or not measured[0].get("MeasurementUnitsCodeSequence"):
        return None
    if code_of(measured[0].MeasurementUnitsCodeSequence[0])[1] != codes.MILLIMETRE.value:
        return None
    value = measured[0].get("NumericValue")
    return None if value is None else float(value)


def _line(line: Dataset, value_mm: float | None) -> Iterator[str]:
    data: Sequence[float] = line.get("GraphicData") or []
    if line.get("GraphicType") != "POLYLINE":
        yield "the line is no polyline"
    if line.get("ValueType") == "SCOORD":
        if len(data) != 4:
            yield f"the line has {len(data)} numbers, expected four"
        if not any(item.get("ValueType") == "IMAGE" for item in items_of(line, "ContentSequence")):
            yield "the line does not say which image it lies on"
        return
    if not line.get("ReferencedFrameOfReferenceUID"):
        yield "the line has no frame of reference"
    if len(data) != 6:
        yield f"the line has {len(data)} numbers, expected six"
        return
    points_lps_mm = np.asarray(data, dtype=np.float64).reshape(2, 3)
    length_mm = float(np.linalg.norm(points_lps_mm[1] - points_lps_mm[0]))
    if value_mm is not None and abs(length_mm - value_mm) > LENGTH_TOLERANCE_MM:
        yield f"the line is {length_mm:.2f} mm long, the value says {value_mm:.2f} mm"


def _evaluations(report: Dataset) -> Iterator[str]:
    name = codes.QUALITATIVE_EVALUATIONS.value
    yield from _missing(report, name, "CONTAINER", "qualitative evaluations")
    for container in _named(report, name, "CONTAINER"):
        yield from _missing(container, codes.NOTICE_NAME.value, "TEXT", "notice")
        yield from _missing(container, codes.SESSION_DATA.value, "TEXT", "session")
        for item in items_of(container, "ContentSequence"):
            if concept(item) == ("", "") or not _has_value(item):
                yield "an evaluation has no name or no value"
            elif (
                concept(item)[1] in SIDED
                and item.get("ValueType") == "CODE"
                and _side(item) is None
            ):
                yield f"{concept(item)[1]} has no side"


def _both_spaces(report: Dataset) -> Iterator[str]:
    """Every space of a side that was looked at is measured, or there is a reason."""
    told: set[tuple[Kind | None, Side | None]] = set()
    for item in walk(report):
        if concept(item)[1] == codes.MEASUREMENT_GROUP.value:
            findings = _named(item, codes.FINDING.value, "CODE")
            sites = _named(item, codes.FINDING_SITE.value, "CODE")
            if findings and sites:
                told.add((_kind(findings[0]), _side(sites[0])))
        elif item.get("ValueType") == "CODE" and concept(item)[1] in KIND_OF_CODE:
            told.add((KIND_OF_CODE[concept(item)[1]], _side(item)))
    sides = {side for _, side in told if side is not None}
    if not sides:
        yield "no space is measured, and no reason is given"
    for side in sorted(sides):
        for kind in Kind:
            if (kind, side) not in told:
                yield f"{kind.full_name}, {side.value}: neither measured nor a reason given"
