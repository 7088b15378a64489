"""What an object of ours takes over from the images: patient, study, and nothing else.

The objects belong into the study of the images, so the attributes that file a study are copied
value for value; a value that DICOM does not allow is left empty and never shortened, because a
shortened accession number is another accession number.
"""

from __future__ import annotations

import copy
import datetime
import hashlib
import json
import os
from collections.abc import Sequence

from pydicom import config
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from pydicom.valuerep import validate_value

from ifspace.dicom_out import codes
from ifspace.errors import OutputError
from ifspace.safe_paths import is_uid
from ifspace.version import __version__

# Type 2 of the Patient and General Study modules (PS3.3 C.7.1.1, C.7.2.1): present, maybe empty.
FILED_BY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "ReferringPhysicianName",
)
# Taken over where the images have them.
TAKEN_IF_PRESENT = (
    "IssuerOfPatientID",
    "StudyDescription",
    "PatientAge",
    "PatientSize",
    "PatientWeight",
    "PatientIdentityRemoved",
    "DeidentificationMethod",
    "InstitutionName",
)

# Viewers open a study at its lowest series number: ours have to sort behind the images, also where
# a scanner numbers its series with six digits. A hundred times the number of the measured series
# leaves its neighbours below ours too; IS ends at 2**31 - 1 (PS3.5 6.2).
LEAST_SERIES_NUMBER, SERIES_NUMBER_FACTOR, LARGEST_IS = 9800, 100, 2**31 - 1
SERIES_OFFSET = {"SR": 1, "DOC": 2, "OT": 3, "PR": 4}


def creation_moment() -> datetime.datetime:
    """Tell when the objects are made: now, or SOURCE_DATE_EPOCH (seconds, UTC) for builds.

    Raises
    ------
    OutputError
        If SOURCE_DATE_EPOCH is set and is no number of seconds.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return datetime.datetime.now()  # DICOM times are local times
    try:
        moment = datetime.datetime.fromtimestamp(int(epoch), tz=datetime.UTC)
    except (ValueError, OverflowError, OSError) as error:
        message = f"SOURCE_DATE_EPOCH is {epoch!r}, expected seconds since 1970; unset it"
        raise OutputError(message) from error
    return moment.replace(tzinfo=None)


def patient_and_study(header: Dataset) -> Dataset:
    """Take over what files an object under the patient and the study of the images.

    Every text becomes Unicode: our own texts may hold characters that the character set of the
    images lacks.
    """
    taken = Dataset()
    taken.SpecificCharacterSet = "ISO_IR 192"
    taken.StudyInstanceUID = header.StudyInstanceUID
    for keyword in FILED_BY:
        setattr(taken, keyword, _sound(header, keyword))
    for keyword in TAKEN_IF_PRESENT:
        value = _sound(header, keyword)
        if value:
            setattr(taken, keyword, value)
    if "DeidentificationMethodCodeSequence" in header:
        taken.DeidentificationMethodCodeSequence = header.DeidentificationMethodCodeSequence
    taken.SeriesNumber = series_number_below_ours(header)
    return taken


def series_number_below_ours(header: Dataset) -> int:
    """Give the number above which the series of our objects are numbered."""
    own = _sound(header, "SeriesNumber").strip()
    highest = LARGEST_IS - max(SERIES_OFFSET.values())
    number = SERIES_NUMBER_FACTOR * int(own) if own else 0
    return min(max(LEAST_SERIES_NUMBER, number), highest)


def why_not_filed(headers: Sequence[Dataset]) -> str:
    """Say why no object can be filed under the study of images; empty where one can."""
    with config.disable_value_validation():
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPClassUID", "SOPInstanceUID"):
            if not all(is_uid(str(header.get(keyword) or "")) for header in headers):
                return f"the images have no valid {keyword}, so no DICOM object can refer to them"
    return ""


def _sound(header: Dataset, keyword: str) -> str:
    """Give a value as text, or nothing where it breaks the rules of its value representation."""
    with config.disable_value_validation():
        # Complaints about a patient's values are for nobody's terminal.
        value = header.get(keyword)
        if value is None:
            return ""
        text = "\\".join(str(part) for part in value) if _is_list(value) else str(value)
    try:
        validate_value(dictionary_VR(keyword), text, config.RAISE)
    except ValueError:
        return ""
    return text


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)


def new_object(
    filed: Dataset, sop_class_uid: str, modality: str, moment: datetime.datetime
) -> FileDataset:
    """Start an object: SOP common, patient, study, series and equipment, without its own UIDs."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    # Elements are copied: a shared one that is set in one object changes in all of them.
    made.update(copy.deepcopy(filed))
    made.SOPClassUID = sop_class_uid
    made.Modality = modality
    made.SeriesNumber = int(filed.SeriesNumber) + SERIES_OFFSET[modality]
    made.InstanceNumber = 1
    stamp(made, moment)
    made.Manufacturer = codes.MANUFACTURER
    made.ManufacturerModelName = codes.SOFTWARE_NAME
    made.DeviceSerialNumber = "none"
    made.SoftwareVersions = __version__
    return made


def stamp(made: Dataset, moment: datetime.datetime) -> None:
    """Write when the object and its content were made."""
    date, time = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    made.InstanceCreationDate = made.SeriesDate = made.ContentDate = date
    made.InstanceCreationTime = made.SeriesTime = made.ContentTime = time


def identify(made: FileDataset, *, series_of: Sequence[str] = ()) -> None:
    """Give the object its UIDs, derived from all it holds.

    A changed value or another moment makes another object; the same content at the same moment
    is the same object, so that a reproducible build gives the same bytes.

    Parameters
    ----------
    made
        The object, otherwise complete.
    series_of
        What makes the series, where several objects share one; otherwise the object itself.
    """
    content = hashlib.sha256(json.dumps(made.to_json_dict(), sort_keys=True).encode()).hexdigest()
    series = series_of or (content,)
    made.SeriesInstanceUID = codes.derived_uid("series", str(made.Modality), *series)
    made.SOPInstanceUID = codes.derived_uid("object", content)
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
