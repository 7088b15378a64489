"""The codes our DICOM objects speak: standard ones where DICOM has them, ours where it has none.

DICOM's dictionaries name neither the two spaces nor the marks between them, so those stand under
the private scheme ``99IFSPACE``, which every object declares. A code of ours never changes its
meaning; a new meaning gets a new code.
"""

from __future__ import annotations

import uuid

from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset

from ifspace.findings import ACQUISITION, FINDINGS
from ifspace.model import Kind, MarkState, Reason, Side

SCHEME = "99IFSPACE"
SCHEME_NAME = "ifspace coding scheme"
SOFTWARE_NAME = "ifspace"
MANUFACTURER = "The ifspace developers"

# Root of every UID that is derived from a name and not drawn at random (PS3.5 B.2: "2.25." and
# a UUID as a decimal number). Changing it would break the tracking of earlier reports.
NAMESPACE = uuid.UUID("5d0f5b0e-6f0c-5c43-9a53-1f5c0a4f7d10")


def derived_uid(*names: str) -> str:
    """Derive a UID that is the same whenever the names are the same.

    References
    ----------
    DICOM PS3.5 B.2, RFC 4122 section 4.3.
    """
    return f"2.25.{uuid.uuid5(NAMESPACE, chr(31).join(names)).int}"


# ISO 8824 root of this scheme, as CodingSchemeUID.
SCHEME_UID = derived_uid("coding scheme", SCHEME)
SOFTWARE_UID = derived_uid("device observer", SOFTWARE_NAME)

# PS3.3 table 8.8-1: a code meaning is a long string, at most 64 characters.
MEANING_LIMIT = 64


def private(value: str, meaning: str) -> CodedConcept:
    """Make a code of the private scheme."""
    return CodedConcept(value, SCHEME, meaning[:MEANING_LIMIT])


def dcm(value: str, meaning: str) -> CodedConcept:
    """Make a code of DICOM's own scheme."""
    return CodedConcept(value, "DCM", meaning)


def sct(value: str, meaning: str) -> CodedConcept:
    """Make a SNOMED CT code."""
    return CodedConcept(value, "SCT", meaning)


REPORT_TITLE = dcm("126000", "Imaging Measurement Report")
IMAGING_MEASUREMENTS = dcm("126010", "Imaging Measurements")
MEASUREMENT_GROUP = dcm("125007", "Measurement Group")
TRACKING_IDENTIFIER = dcm("112039", "Tracking Identifier")
TRACKING_UID = dcm("112040", "Tracking Unique Identifier")
QUALITATIVE_EVALUATIONS = CodedConcept("C0034375", "UMLS", "Qualitative Evaluations")
IMAGE_LIBRARY = dcm("111028", "Image Library")
IMAGE_LIBRARY_GROUP = dcm("126200", "Image Library Group")
MODALITY = dcm("121139", "Modality")
MR = dcm("MR", "Magnetic Resonance")
FRAME_OF_REFERENCE_UID = dcm("112227", "Frame of Reference UID")
PROCEDURE_REPORTED = dcm("121058", "Procedure reported")
# Of CID 100 this is the only one that is true of every scan we accept.
IMAGING_PROCEDURE = sct("363679005", "Imaging procedure")
COMMENT = dcm("121106", "Comment")
FINDING = dcm("121071", "Finding")
FINDING_SITE = sct("363698007", "Finding Site")
LATERALITY = sct("272741003", "Laterality")
NORMALITY = dcm("121402", "Normality")
DERIVATION = dcm("121401", "Derivation")
NORMAL_RANGE_LOWER_LIMIT = sct("371932001", "Normal Range Lower Limit")
NORMAL_RANGE_DESCRIPTION = dcm("121407", "Normal Range description")
NORMAL_RANGE_AUTHORITY = dcm("121408", "Normal Range Authority")
NORMAL = sct("17621005", "Normal")
ABNORMALLY_LOW = sct("371880002", "Abnormally Low")
UNDETERMINED = sct("371934000", "Normality Undetermined")
UNCERTAINTY = sct("371884006", "+/-, range of measurement uncertainty")
MINIMUM = sct("255605001", "Minimum")
MILLIMETRE = CodedConcept("mm", "UCUM", "mm")
DISTANCE = dcm("121206", "Distance")

SIDE = {Side.LEFT: sct("7771000", "Left"), Side.RIGHT: sct("24028007", "Right")}
SIDE_LETTER = {Side.LEFT: "L", Side.RIGHT: "R"}

SPACE = {kind: private(kind.name, kind.full_name) for kind in Kind}

# The quadratus femoris fills both spaces; the IFS lies between the two bones. Slicer reads the
# first site only.
SITES = {
    Kind.IFS: (sct("85710004", "Ischium"), sct("55499008", "Lesser trochanter")),
    Kind.QFS: (CodedConcept("7:824", "MDC", "Quadratus femoris muscle"),),
}

MARK_STATE = private("MARK_STATE", "State of the marks")
STATE = {
    MarkState.PROPOSED: private("PROPOSED", "Proposed by a program, not confirmed"),
    MarkState.PLACED: private("PLACED", "Placed by a person, not confirmed"),
    MarkState.CONFIRMED: private("CONFIRMED", "Confirmed by a person"),
}

SESSION_DATA = private("SESSION_JSON", "Marks and decisions, for reading back (JSON)")
DETAIL = private("DETAIL", "Reason in words")
GROUP_MEANS = private("GROUP_MEANS", "Published group means")
REPORT_TEXT = private("REPORT_TEXT", "Report as text")
NOTICE_NAME = private("NOTICE", "Notice")
FLAG_NAME = private("FLAG", "Note on images or marks")

METHOD_MEANINGS = {
    "marks/1": "Shortest in-plane distance between marks",
    "seeds/1": "Shortest in-plane distance, borders found from seeds",
    "masks/1": "Shortest in-plane distance, borders of a label map",
    "masks+grey/2": "Shortest in-plane distance, label map corrected on the images",
}


def method(name: str) -> CodedConcept:
    """Name how a distance was found; the version stands in the code."""
    return private(name, METHOD_MEANINGS.get(name, f"Method {name}"))


def reason(value: Reason) -> CodedConcept:
    """Give the code of a reason why there is no number; its value is the one of result files."""
    return private(value.value, f"Not measured: {value.value.replace('_', ' ')}")


def finding(key: str) -> CodedConcept:
    """Name a companion finding."""
    return private(key, FINDINGS[key].label)


def finding_value(key: str, value: str) -> CodedConcept:
    """Give the code of what was found."""
    return private(f"{key}:{value}", FINDINGS[key].codes[value].capitalize())


def acquisition(key: str) -> CodedConcept:
    """Name a fact about how the patient lay."""
    return private(key, ACQUISITION[key].label)


POSITION_VALUES = {
    "supine": sct("40199007", "Supine"),
    "prone": sct("1240000", "Prone"),
}


def acquisition_value(key: str, value: str) -> CodedConcept:
    """Give the code of how the patient lay, standard where there is one."""
    if key == "patient_position" and value in POSITION_VALUES:
        return POSITION_VALUES[value]
    return private(f"{key}:{value}", ACQUISITION[key].codes[value].capitalize())


def coding_scheme_item() -> Dataset:
    """Declare the private scheme (PS3.3 C.12.1, Coding Scheme Identification Sequence)."""
    item = Dataset()
    item.CodingSchemeDesignator = SCHEME
    item.CodingSchemeUID = SCHEME_UID
    item.CodingSchemeName = SCHEME_NAME
    item.CodingSchemeResponsibleOrganization = MANUFACTURER
    return item
