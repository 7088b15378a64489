"""Small studies written with the DICOM equation, and results whose marks lie on their slices."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage, generate_uid
from tests.signed import signed_copy as signed_copy_of

from ifspace.geometry import Segment
from ifspace.model import (
    MARKS_OF_KIND,
    AssessedSpace,
    Comparison,
    Flag,
    Kind,
    Mark,
    MarkState,
    Measurement,
    NotMeasured,
    PublishedValue,
    Reason,
    Relation,
    Series,
    Session,
    Severity,
    Side,
    SliceSource,
    Source,
    StudyResult,
)

SLICES = 5
ROWS, COLUMNS = 96, 128
SLICE_STEP_MM = 4.4
MOMENT = datetime.datetime(2026, 3, 4, 5, 6, 7)


@dataclass(frozen=True)
class Study:
    """A written series, its headers without pixels, and the equation of its pixels."""

    folder: Path
    headers: tuple[Dataset, ...]
    enhanced: bool
    spacing_mm: tuple[float, float]
    axes: tuple[tuple[float, float, float], tuple[float, float, float]]
    origins_lps_mm: tuple[np.ndarray, ...]

    def at(self, slice_index: int, row: float, column: float) -> np.ndarray:
        """Place a pixel in the patient: PS3.3 equation C.7.6.2.1-1, written out."""
        along_row, along_column = (np.array(axis) for axis in self.axes)
        return (
            self.origins_lps_mm[slice_index]
            + along_row * self.spacing_mm[1] * column
            + along_column * self.spacing_mm[0] * row
        )


def _filing(dataset: Dataset, name: str) -> None:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = name
    dataset.PatientID = "P-4711"
    dataset.PatientBirthDate = "19790102"
    dataset.PatientSex = "F"
    dataset.PatientAge = "047Y"
    dataset.StudyInstanceUID = generate_uid(entropy_srcs=["study", name])
    dataset.StudyDate, dataset.StudyTime = "20260101", "101112"
    dataset.StudyID, dataset.AccessionNumber = "S1", "A1"
    dataset.ReferringPhysicianName = "Refer^Dr"
    dataset.SeriesInstanceUID = generate_uid(entropy_srcs=["series", name])
    dataset.FrameOfReferenceUID = generate_uid(entropy_srcs=["frame", name])
    dataset.PositionReferenceIndicator = ""
    dataset.Modality, dataset.SeriesNumber = "MR", 3
    dataset.SeriesDescription = "T1 axial"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Test", "Model"
    dataset.BodyPartExamined, dataset.PatientPosition = "PELVIS", "HFS"
    dataset.SliceThickness = 4.0
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0


def _file(dataset: Dataset, sop_class: str, uid: str, path: Path) -> Dataset:
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file = FileDataset(str(path), dataset, file_meta=meta, preamble=b"\0" * 128)
    file.save_as(path, enforce_file_format=True)
    del file.PixelData
    return file


def _pixels(slice_index: int) -> np.ndarray:
    rows, columns = np.mgrid[0:ROWS, 0:COLUMNS]
    return (200 + 4 * columns + 3 * rows + 50 * slice_index).astype(np.uint16)


def _functional(**groups: Dataset) -> Dataset:
    item = Dataset()
    for keyword, group in groups.items():
        setattr(item, keyword, [group])
    return item


def _dataset(**values: object) -> Dataset:
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.fixture
def make_study(tmp_path: Path) -> Callable[..., Study]:
    """Write a study of a few slices: classic or enhanced, tilted, with any spacing and name."""

    def make(
        *,
        enhanced: bool = False,
        spacing_mm: tuple[float, float] = (0.8, 0.8),
        tilt_deg: float = 0.0,
        name: str = "Example^Patient",
    ) -> Study:
        folder = tmp_path / "images"
        folder.mkdir()
        angle = math.radians(tilt_deg)
        along_row = (1.0, 0.0, 0.0)
        along_column = (0.0, math.cos(angle), math.sin(angle))
        normal = np.cross(along_row, along_column)
        origins = tuple(
            np.array([-51.5, -40.25, -800.0]) + normal * SLICE_STEP_MM * k for k in range(SLICES)
        )
        orientation = [round(value, 10) for value in (*along_row, *along_column)]
        positions = [[round(float(v), 6) for v in origin] for origin in origins]
        headers: list[Dataset] = []
        if enhanced:
            whole = Dataset()
            _filing(whole, name)
            whole.NumberOfFrames = SLICES
            whole.SharedFunctionalGroupsSequence = [
                _functional(
                    PixelMeasuresSequence=_dataset(
                        PixelSpacing=list(spacing_mm), SliceThickness=4.0
                    ),
                    PlaneOrientationSequence=_dataset(ImageOrientationPatient=orientation),
                )
            ]
            whole.PerFrameFunctionalGroupsSequence = [
                _functional(PlanePositionSequence=_dataset(ImagePositionPatient=position))
                for position in positions
            ]
            whole.PixelData = np.stack([_pixels(k) for k in range(SLICES)]).tobytes()
            uid = generate_uid(entropy_srcs=["enhanced", name])
            header = _file(whole, EnhancedMRImageStorage, uid, folder / "enhanced.dcm")
            headers = [header] * SLICES
        else:
            for k, position in enumerate(positions):
                image = Dataset()
                _filing(image, name)
                image.ImagePositionPatient = position
                image.ImageOrientationPatient = orientation
                image.PixelSpacing = list(spacing_mm)
                image.InstanceNumber = k + 1
                image.ScanningSequence, image.SequenceVariant = "SE", "NONE"
                image.ScanOptions, image.MRAcquisitionType = "", "2D"
                image.EchoTime, image.RepetitionTime, image.EchoTrainLength = 10.0, 500.0, 1
                image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
                image.PixelData = _pixels(k).tobytes()
                uid = generate_uid(entropy_srcs=["classic", name, str(k)])
                headers.append(_file(image, MRImageStorage, uid, folder / f"{k}.dcm"))
        return Study(
            folder, tuple(headers), enhanced, spacing_mm, (along_row, along_column), origins
        )

    return make


PUBLISHED = {
    Kind.IFS: (
        PublishedValue(
            "low_ifs", Kind.IFS, "Low A. Journal 2015", "primary", "published_cutoff_axial_mri",
            "15 adults", cutoff_mm=15.0,
        ),
        PublishedValue(
            "high_ifs", Kind.IFS, "High B. Journal 2018", "primary", "published_cutoff_axial_mri",
            "30 adults", cutoff_mm=17.0,
        ),
    ),
    Kind.QFS: (
        PublishedValue(
            "low_qfs", Kind.QFS, "Low A. Journal 2015", "primary", "published_cutoff_axial_mri",
            "15 adults", cutoff_mm=10.0,
        ),
    ),
}  # fmt: skip

# (row, column) of both marks of each space, unequal on all axes.
ENDS = {
    (Kind.IFS, Side.RIGHT): ((40.25, 33.0), (36.0, 18.5)),
    (Kind.QFS, Side.RIGHT): ((52.0, 35.5), (47.25, 24.0)),
    (Kind.IFS, Side.LEFT): ((41.0, 90.0), (37.5, 111.75)),
    (Kind.QFS, Side.LEFT): ((53.5, 88.25), (48.0, 101.0)),
}
SLICE_OF = {Side.RIGHT: 2, Side.LEFT: 3}


def _relation(value_mm: float, u95_mm: float, cutoff_mm: float) -> Relation:
    if abs(value_mm - cutoff_mm) < u95_mm:
        return Relation.WITHIN_UNCERTAINTY
    return Relation.ABOVE if value_mm > cutoff_mm else Relation.AT_OR_BELOW


@pytest.fixture
def make_result() -> Callable[..., StudyResult]:
    """Make the result of a study with marks at known pixels."""

    def make(
        study: Study,
        *,
        sides: Sequence[Side] = (Side.RIGHT, Side.LEFT),
        state: MarkState = MarkState.PLACED,
        source: Source = Source.HUMAN,
        signed: bool = False,
        absent: Sequence[tuple[Kind, Side]] = (),
        reader: str | None = "A",
    ) -> StudyResult:
        marks: list[Mark] = []
        spaces: list[AssessedSpace] = []
        first = study.headers[0]
        for side in sides:
            k = SLICE_OF[side]
            uid = str(study.headers[k].SOPInstanceUID)
            for kind in Kind:
                if (kind, side) in absent:
                    detail = f"{MARKS_OF_KIND[kind][0].value} is not placed"
                    outcome = NotMeasured(kind, side, Reason.MARK_MISSING, detail)
                    spaces.append(AssessedSpace(outcome))
                    continue
                ends = [study.at(k, *end) for end in ENDS[(kind, side)]]
                own = tuple(
                    Mark(name, side, end, state, source, 0.7, uid)
                    for name, end in zip(MARKS_OF_KIND[kind], ends, strict=True)
                )
                marks.extend(own)
                segment = Segment(ends[0], ends[1])
                measured = Measurement(
                    kind=kind, side=side, value_mm=segment.length_mm, u95_mm=1.25,
                    segment=segment, slice_index=k, method="marks/1", state=state, marks=own,
                    sop_instance_uid=uid, frame_number=k + 1 if study.enhanced else None,
                )  # fmt: skip
                comparisons = tuple(
                    Comparison(
                        row, row.cutoff_mm, _relation(measured.value_mm, 1.25, row.cutoff_mm)
                    )
                    for row in PUBLISHED[kind]
                    if row.cutoff_mm is not None
                )
                spaces.append(AssessedSpace(measured, comparisons))
        session = Session(
            study_instance_uid=str(first.StudyInstanceUID),
            series_instance_uid=str(first.SeriesInstanceUID),
            frame_of_reference_uid=str(first.FrameOfReferenceUID),
            reader=reader,
            marks=tuple(marks),
            acquisition={"hip_rotation": "unknown", "patient_position": "supine"},
            findings={Side.LEFT: {"qf_oedema": "mild", "qf_fat": "2"}, Side.RIGHT: {}},
        )
        series = Series(
            sources=tuple(
                SliceSource(
                    study.folder / "x.dcm",
                    str(header.SOPInstanceUID),
                    str(header.SOPClassUID),
                    k + 1 if study.enhanced else None,
                )
                for k, header in enumerate(study.headers)
            ),
            rows=ROWS,
            columns=COLUMNS,
            study_instance_uid=session.study_instance_uid,
            series_instance_uid=session.series_instance_uid,
            frame_of_reference_uid=session.frame_of_reference_uid,
            row_spacing_mm=study.spacing_mm[0],
            column_spacing_mm=study.spacing_mm[1],
        )
        result = StudyResult(
            software_version="0.1.0",
            series=series,
            session=session,
            spaces=tuple(spaces),
            flags=(Flag("hip_position_unknown", Severity.CAUTION, "Hip rotation is unknown."),),
        )
        return (
            signed_copy_of(result, reader or "A", "2026-03-01T10:00:00+01:00") if signed else result
        )

    return make


@pytest.fixture
def moment() -> datetime.datetime:
    return MOMENT


@pytest.fixture
def signed_copy() -> Callable[[StudyResult], StudyResult]:
    """Sign a result whose marks are confirmed."""

    def sign(result: StudyResult) -> StudyResult:
        return signed_copy_of(result, "A", "2026-03-01T10:00:00+01:00")

    return sign
