"""Write the rendered slices as DICOM MR objects, classic or enhanced.

Positions come straight from :class:`ifspace.phantom.stack.Stack`. Everything is derived from the
spec, UIDs included, so that the same spec gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from ifspace.phantom.spec import PhantomSpec
from ifspace.phantom.stack import Stack
from ifspace.phantom.truth import scale_of

STUDY_DATE, STUDY_TIME = "20250314", "101500"
STUDY_YEAR = 2025
PATIENT_ID = "PHANTOM-0001"
ACCESSION_NUMBER = "PH0001"
MANUFACTURER, MODEL = "ifspace", "Phantom scanner"


@dataclass(frozen=True)
class Protocol:
    """Acquisition values of one contrast, as a pelvis protocol at 1.5 T has them."""

    description: str
    repetition_ms: float
    echo_ms: float
    train: int
    sequence: str
    options: tuple[str, ...] = ()
    inversion_ms: float | None = None


PROTOCOLS = {
    "T1": Protocol("T1 TSE axial", 610.0, 11.0, 3, "*tse2d1_3"),
    "PD": Protocol("PD TSE axial", 2900.0, 31.0, 7, "*tse2d1_7"),
    "T2": Protocol("T2 TSE axial", 4200.0, 92.0, 15, "*tse2d1_15"),
    "PD-FS": Protocol("PD TSE FS axial", 3100.0, 34.0, 7, "*tse2d1_7", ("FS",)),
    "STIR": Protocol("STIR axial", 4800.0, 46.0, 9, "*tir2d1_9", (), 150.0),
}


@dataclass(frozen=True, eq=False)
class SeriesPixels:
    """One series to write: where, what, and how it is called.

    `order` lists the slices that are written, in the order in which they are: one may be left
    out or come twice. `name` keeps the instances of different series apart.
    """

    stack: Stack
    stored: NDArray[np.uint16]
    contrast: str
    number: int
    description: str
    echo_ms: float
    name: str
    order: tuple[int, ...]
    echo_number: int = 1
    localizer: bool = False
    first_instance: int = 1


def uid_of(spec: PhantomSpec, *what: object) -> str:
    """Derive a UID from the spec and what it names (PS3.5 B.2: 2.25 and a UUID as integer)."""
    # Only what differs from the default counts, so that a new field leaves old UIDs alone.
    usual = asdict(PhantomSpec())
    asked = {name: value for name, value in asdict(spec).items() if value != usual[name]}
    text = json.dumps([asked, [str(w) for w in what]], sort_keys=True)
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
    # Version and variant bits make it a well-formed UUID.
    number &= ~(0xF << 76)
    number |= 0x8 << 76
    number &= ~(0x3 << 62)
    number |= 0x2 << 62
    return f"2.25.{number}"


def classic_objects(spec: PhantomSpec, series: SeriesPixels) -> list[FileDataset]:
    """Make one MR Image object per slice (PS3.3 A.4)."""
    return [_classic(spec, series, place) for place in range(len(series.order))]


def new_object(spec: PhantomSpec, sop_class: UID, instance_uid: str) -> FileDataset:
    """Make an empty object with patient, study, equipment and file header."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = UID(instance_uid)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID("2.25.302943612214203853018523044103927384811")
    meta.ImplementationVersionName = "IFSPACE_PHANTOM"
    ds = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    if spec.character_set:
        ds.SpecificCharacterSet = (
            spec.character_set.split("\\") if "\\" in spec.character_set else spec.character_set
        )
    ds.SOPClassUID, ds.SOPInstanceUID = sop_class, UID(instance_uid)
    _add_patient(ds, spec)
    ds.StudyInstanceUID = uid_of(spec, "study")
    ds.FrameOfReferenceUID = uid_of(spec, "frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber = STUDY_DATE, STUDY_TIME, ACCESSION_NUMBER
    ds.SeriesDate = ds.ContentDate = STUDY_DATE
    ds.SeriesTime = ds.ContentTime = STUDY_TIME
    ds.StudyID, ds.ReferringPhysicianName = "1", ""
    ds.StudyDescription = "MRI pelvis (synthetic)"
    ds.Modality, ds.BodyPartExamined = "MR", "PELVIS"
    ds.PatientPosition = spec.patient_position
    ds.Manufacturer, ds.ManufacturerModelName = MANUFACTURER, MODEL
    ds.InstitutionName, ds.StationName = "Synthetic data", "PHANTOM"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "0001", "1"
    return ds


def _add_patient(ds: Dataset, spec: PhantomSpec) -> None:
    ds.PatientName, ds.PatientID = spec.patient_name, PATIENT_ID
    ds.PatientSex = spec.sex
    ds.PatientBirthDate = ""
    if spec.age_years is not None:
        ds.PatientBirthDate = f"{STUDY_YEAR - spec.age_years}0101"
        ds.PatientAge = f"{spec.age_years:03d}Y"
    scale = scale_of(spec)
    ds.PatientWeight, ds.PatientSize = f"{68.0 * scale**3:.0f}", f"{1.68 * scale:.2f}"


def _classic(spec: PhantomSpec, series: SeriesPixels, place: int) -> FileDataset:
    k = series.order[place]
    ds = new_object(spec, MRImageStorage, uid_of(spec, series.name, "instance", place))
    protocol, s = PROTOCOLS[series.contrast], series.stack.sampling
    add_series(ds, spec, series)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER" if series.localizer else "OTHER"]
    ds.InstanceNumber = series.first_instance + place
    ds.AcquisitionNumber, ds.AcquisitionDate, ds.AcquisitionTime = 1, STUDY_DATE, STUDY_TIME
    ds.ScanningSequence = ["SE", "IR"] if protocol.inversion_ms else "SE"
    ds.SequenceVariant, ds.MRAcquisitionType = ["SK", "SP"], "2D"
    ds.ScanOptions = list(protocol.options) if protocol.options else None
    ds.SequenceName, ds.AngioFlag = protocol.sequence, "N"
    ds.RepetitionTime, ds.EchoTime = f"{protocol.repetition_ms:g}", f"{series.echo_ms:g}"
    if protocol.inversion_ms:
        ds.InversionTime = f"{protocol.inversion_ms:g}"
    ds.EchoTrainLength, ds.EchoNumbers = protocol.train, series.echo_number
    ds.NumberOfAverages, ds.FlipAngle, ds.PixelBandwidth = "2", "150", "190"
    ds.MagneticFieldStrength, ds.ImagingFrequency, ds.ImagedNucleus = "1.5", "63.87", "1H"
    ds.InPlanePhaseEncodingDirection = "ROW"
    ds.AcquisitionMatrix = [0, s.columns, s.rows, 0]
    ds.PercentSampling = ds.PercentPhaseFieldOfView = "100"
    ds.SliceThickness = decimal(s.thickness_mm)
    ds.SpacingBetweenSlices = decimal(s.slice_step_mm)
    ds.ImagePositionPatient = [decimal(v) for v in series.stack.origins_lps_mm[k]]
    ds.ImageOrientationPatient = orientation(series.stack)
    height_mm = float(series.stack.origins_lps_mm[k] @ series.stack.normal_lps)
    ds.SliceLocation = decimal(height_mm)
    if not spec.no_pixel_spacing:
        ds.PixelSpacing = [decimal(s.row_spacing_mm), decimal(s.column_spacing_mm)]
    add_pixels(ds, series.stored[k])
    return ds


def add_series(ds: Dataset, spec: PhantomSpec, series: SeriesPixels) -> None:
    """Say which series this is."""
    ds.SeriesInstanceUID = series_uid(spec, series)
    ds.SeriesNumber, ds.SeriesDescription = series.number, series.description
    ds.ProtocolName = series.description


def series_uid(spec: PhantomSpec, series: SeriesPixels) -> str:
    """Give the series UID; series with the same number share it."""
    return uid_of(spec, "series", series.number)


def orientation(stack: Stack) -> list[str]:
    """Give ImageOrientationPatient: along the row, then along the column."""
    return [decimal(v) for v in (*stack.along_row_lps, *stack.along_column_lps)]


def add_pixels(ds: Dataset, stored: NDArray[np.uint16]) -> None:
    """Add the 12-bit pixels of one slice, or of all frames."""
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = stored.shape[-2:]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.WindowCenter, ds.WindowWidth = "500", "1000"
    ds.PixelData = stored.astype("<u2").tobytes()
    ds["PixelData"].VR = "OW"


def decimal(value: Any) -> str:
    """Write a decimal string of at most 16 characters (PS3.5 6.2), as exactly as that allows."""
    number = float(value)
    for digits in range(15, 5, -1):
        text = f"{number:.{digits}g}"
        if len(text) <= 16:
            return text.replace("e-0", "e-")
    return f"{number:.9g}"
