"""A small DICOM writer for these tests: positions by the DICOM equation, never by our own code."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import EnhancedMRImageStorage, ExplicitVRLittleEndian, MRImageStorage

ROW_SPACING_MM, COLUMN_SPACING_MM, STEP_MM = 0.8, 0.6, 4.4
ORIGIN_LPS_MM = (-61.3, 17.9, -702.5)
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))


def _oblique() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Axial turned 12 degrees about x, then 7 degrees about z."""
    a, b = np.radians([12.0, 7.0])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turned = about_z @ about_x
    return tuple(turned[:, 0]), tuple(turned[:, 1])


ORIENTATIONS = {
    "axial": AXIAL,
    "rows flipped": ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "columns flipped": ((-1.0, 0.0, 0.0), (0.0, 1.0, 0.0)),
    "both flipped": ((-1.0, 0.0, 0.0), (0.0, -1.0, 0.0)),
    "transposed": ((0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    "turned left": ((0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)),
    "turned right": ((0.0, -1.0, 0.0), (1.0, 0.0, 0.0)),
    "transposed, both flipped": ((0.0, -1.0, 0.0), (-1.0, 0.0, 0.0)),
    "oblique": _oblique(),
}


_NUMBERS = itertools.count(1)


def next_uid() -> str:
    """A UID that no other object has, and never by chance the digits that a test looks for."""
    return f"2.25.{next(_NUMBERS)}"


@dataclass
class Scan:
    """One series to write. `positions_mm` are heights of the slices along the normal."""

    orientation: tuple[tuple[float, ...], tuple[float, ...]] = AXIAL
    heights_mm: Sequence[float] = tuple(k * STEP_MM for k in range(5))
    rows: int = 12
    columns: int = 14
    signed: bool = False
    bits_stored: int = 16
    attributes: dict[str, Any] = field(default_factory=dict)
    series_uid: str = field(default_factory=next_uid)
    study_uid: str = field(default_factory=next_uid)
    frame_uid: str = field(default_factory=next_uid)

    def position_lps_mm(self, height_mm: float) -> list[float]:
        normal = np.cross(*self.orientation)
        return [float(v) for v in np.array(ORIGIN_LPS_MM) + height_mm * normal]

    def stored(self, k: int) -> NDArray[Any]:
        """Values that differ everywhere, negative ones included where they are possible."""
        rng = np.random.default_rng(k)
        top = 2 ** (self.bits_stored - 1)
        low, high = (-top, top) if self.signed else (0, 2 * top)
        dtype = np.int16 if self.signed else np.uint16
        return rng.integers(low, high, (self.rows, self.columns)).astype(dtype)

    def point_lps_mm(self, k: int, j: float, i: float) -> NDArray[np.float64]:
        """DICOM PS3.3 equation C.7.6.2.1-1."""
        along_row, along_column = (np.array(axis) for axis in self.orientation)
        return (
            np.array(self.position_lps_mm(self.heights_mm[k]))
            + along_row * COLUMN_SPACING_MM * i
            + along_column * ROW_SPACING_MM * j
        )


def _general(scan: Scan, sop_class: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = next_uid()
    ds.StudyInstanceUID, ds.SeriesInstanceUID = scan.study_uid, scan.series_uid
    ds.FrameOfReferenceUID = scan.frame_uid
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    ds.Modality, ds.Manufacturer, ds.SeriesDescription = "MR", "Maker", "t1_tse_tra"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate = "Seed^Ed", "ID-4711", "19700315"
    ds.PatientSex, ds.StudyDate, ds.SeriesNumber = "F", "20200101", 3
    ds.PatientPosition = "HFS"
    ds.Rows, ds.Columns = scan.rows, scan.columns
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, scan.bits_stored, scan.bits_stored - 1
    ds.PixelRepresentation = int(scan.signed)
    return ds


def _set(ds: Dataset, attributes: dict[str, Any]) -> None:
    for keyword, value in attributes.items():
        if value is None:
            if keyword in ds:
                del ds[keyword]
        else:
            setattr(ds, keyword, value)


def classic_slice(scan: Scan, k: int, **attributes: Any) -> Dataset:
    """One slice; an attribute of None is left out."""
    ds = _general(scan, MRImageStorage)
    ds.ScanningSequence, ds.SequenceVariant = "SE", "SK"
    ds.RepetitionTime, ds.EchoTime, ds.SliceThickness = "600", "12", "4.0"
    ds.InstanceNumber = k + 1
    ds.ImagePositionPatient = [f"{v:.9g}" for v in scan.position_lps_mm(scan.heights_mm[k])]
    ds.ImageOrientationPatient = [f"{v:.9f}" for axis in scan.orientation for v in axis]
    ds.PixelSpacing = [ROW_SPACING_MM, COLUMN_SPACING_MM]
    ds.PixelData = scan.stored(k).tobytes()
    ds["PixelData"].VR = "OW"
    _set(ds, scan.attributes)
    _set(ds, attributes)
    return ds


def save(ds: Dataset, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_classic(
    folder: Path, scan: Scan | None = None, change: Callable[[int, Dataset], None] | None = None
) -> Scan:
    """Write one file per slice, in an order that says nothing of their place."""
    scan = scan or Scan()
    order = sorted(range(len(scan.heights_mm)), key=lambda k: (k * 7) % 11)
    for number, k in enumerate(order):
        ds = classic_slice(scan, k)
        if change:
            change(k, ds)
        save(ds, folder / f"IM{number:03d}")
    return scan


def enhanced(scan: Scan) -> Dataset:
    """The same scan as one multi-frame object, frames in an order that says nothing."""
    ds = _general(scan, EnhancedMRImageStorage)
    order = sorted(range(len(scan.heights_mm)), key=lambda k: (k * 7) % 11)
    ds.NumberOfFrames = len(order)
    measures, orientation, timing = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [ROW_SPACING_MM, COLUMN_SPACING_MM]
    measures.SliceThickness = 4.0
    orientation.ImageOrientationPatient = [f"{v:.9f}" for axis in scan.orientation for v in axis]
    timing.RepetitionTime = 600.0
    shared = Dataset()
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    shared.MRTimingAndRelatedParametersSequence = [timing]
    ds.SharedFunctionalGroupsSequence = [shared]
    groups = []
    for k in order:
        place, echo, content, group = Dataset(), Dataset(), Dataset(), Dataset()
        place.ImagePositionPatient = [f"{v:.9g}" for v in scan.position_lps_mm(scan.heights_mm[k])]
        echo.EffectiveEchoTime = 12.0
        content.StackID, content.InStackPositionNumber = "1", k + 1
        group.PlanePositionSequence, group.MREchoSequence = [place], [echo]
        group.FrameContentSequence = [content]
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = groups
    ds.PixelData = b"".join(scan.stored(k).tobytes() for k in order)
    ds["PixelData"].VR = "OW"
    _set(ds, scan.attributes)
    return ds


@pytest.fixture(scope="session")
def module_writer() -> SimpleNamespace:
    """The functions and types above, for test modules that cannot import this one."""
    return SimpleNamespace(
        Scan=Scan,
        classic_slice=classic_slice,
        enhanced=enhanced,
        save=save,
        write_classic=write_classic,
    )


@pytest.fixture
def writer(module_writer: SimpleNamespace) -> SimpleNamespace:
    """The same, under the name that tests use."""
    return module_writer


@pytest.fixture(params=ORIENTATIONS)
def scan(request: pytest.FixtureRequest) -> Scan:
    """A scan in every stored orientation of axial slices, and an oblique one."""
    return Scan(orientation=ORIENTATIONS[request.param])
