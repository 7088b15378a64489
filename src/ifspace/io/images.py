"""NIfTI, NRRD and MetaImage through SimpleITK, which turns them into LPS.

Such a file tells nothing of the patient: no position on the table, no identity, no study. Files
whose voxels lie in another file are not opened, because their header may name any file at all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ifspace.errors import GeometryError, UnreadableInputError
from ifspace.geometry import Plane
from ifspace.io.header import PIXEL_LIMITS_MM, POSITION_LIMIT_MM
from ifspace.io.pixels import MAX_VOXELS
from ifspace.io.sniff import FileKind, gzip_head
from ifspace.model import Flag, FlagCode, Series, Severity, Slice, SliceSource, Volume

_READERS = {
    FileKind.NIFTI: ("NiftiImageIO", "NIfTI"),
    FileKind.NRRD: ("NrrdImageIO", "NRRD"),
    FileKind.MHA: ("MetaImageIO", "MHA"),
}
_ENDINGS = {
    FileKind.NIFTI: (".nii", ".nii.gz"),
    FileKind.NRRD: (".nrrd",),
    FileKind.MHA: (".mha",),
}
_HEADER_BYTES = 65_536
# What a file header calls itself where it gives no direction of its axes.


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep ITK from printing paths to standard error."""
    before = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(before)


def describe_image(path: Path, kind: FileKind) -> Series:
    """Read the header of a volume file as a series of slices.

    Raises
    ------
    UnreadableInputError
        If the file is damaged, holds no voxels itself, or is no single volume.
    """
    _check_self_contained(path, kind)
    reader = _reader(path, kind)
    try:
        with _quiet():
            reader.ReadImageInformation()
    except RuntimeError as error:
        raise UnreadableInputError("damaged, truncated or without a usable geometry") from error
    size_ijk = reader.GetSize()
    if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
        raise UnreadableInputError(
            f"{reader.GetDimension()} dimensions and {reader.GetNumberOfComponents()} values per "
            "voxel; one grey volume is expected"
        )
    if math.prod(size_ijk) > MAX_VOXELS:
        raise UnreadableInputError(f"{math.prod(size_ijk)} voxels, which no scan has")
    spacing_ijk_mm = reader.GetSpacing()
    sources = tuple(SliceSource(path) for _ in range(size_ijk[2]))
    return Series(
        sources=sources,
        rows=size_ijk[1],
        columns=size_ijk[0],
        file_format=_READERS[kind][1],
        modality="unknown",
        row_spacing_mm=spacing_ijk_mm[1],
        column_spacing_mm=spacing_ijk_mm[0],
        spacing_source=f"{_READERS[kind][1]} header",
        slice_step_mm=spacing_ijk_mm[2] if size_ijk[2] > 1 else None,
        tilt_from_axial_deg=_tilt_deg(reader.GetDirection()),
    )


def _tilt_deg(direction: tuple[float, ...]) -> float | None:
    """Angle between the slices and the axial plane; None where the axes are damaged."""
    matrix = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    normal = np.cross(matrix[:, 0], matrix[:, 1])
    length = float(np.linalg.norm(normal))
    if not math.isfinite(length) or abs(length - 1.0) > 0.01:
        return None
    return float(np.degrees(np.arccos(min(abs(float(normal[2])) / length, 1.0))))


def _reader(path: Path, kind: FileKind) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    # Named, so that no other reader looks at a hostile file.
    reader.SetImageIO(_READERS[kind][0])
    reader.SetFileName(str(path))
    return reader


def _check_self_contained(path: Path, kind: FileKind) -> None:
    """Refuse a header whose voxels lie in another file, and an ending no reader accepts."""
    if not path.name.lower().endswith(_ENDINGS[kind]):
        endings = " or ".join(_ENDINGS[kind])
        raise UnreadableInputError(f"{kind.value} content needs a name that ends in {endings}")
    try:
        head = gzip_head(path, _HEADER_BYTES)
    except OSError as error:
        raise UnreadableInputError("damaged gzip stream") from error
    elsewhere = {
        FileKind.NRRD: rb"(?im)^data ?file *:",
        FileKind.MHA: rb"(?im)^ElementDataFile[ \t]*=[ \t]*+(?!LOCAL\s)",
    }.get(kind)
    if elsewhere and re.search(elsewhere, _text_part(head, kind)):
        raise UnreadableInputError("the voxels lie in another file; convert it to a single file")


def _text_part(head: bytes, kind: FileKind) -> bytes:
    """Cut the readable header off the voxels that follow."""
    if kind is FileKind.NRRD:
        return re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]
    end = re.search(rb"(?im)^ElementDataFile[^\n]*\n?", head)
    return head[: end.end()] if end else head


def _gives_direction(path: Path, kind: FileKind) -> bool:
    """Tell whether a file says which way its axes point; without that there is no left side."""
    head = gzip_head(path, _HEADER_BYTES)
    if kind is FileKind.MHA:
        return bool(
            re.search(rb"(?im)^(TransformMatrix|Orientation|Rotation) *=", _text_part(head, kind))
        )
    if kind is FileKind.NRRD:
        text = _text_part(head, kind)
        return bool(re.search(rb"(?im)^space *:", text)) and b"space directions" in text.lower()
    big = int.from_bytes(head[:4], "little") not in (348, 540)
    nifti2 = head[4:8] == b"n+2\x00"
    spans = ((344, 348), (348, 352)) if nifti2 else ((252, 254), (254, 256))
    return any(int.from_bytes(head[a:b], "big" if big else "little") > 0 for a, b in spans)


def load_image(series: Series, kind: FileKind) -> Volume:
    """Load a volume file; its slices are sorted along their normal.

    Raises
    ------
    UnreadableInputError
        If the file is damaged.
    GeometryError
        If its spacing or its axes cannot be those of an image of a patient.
    """
    path = series.sources[0].path
    _check_self_contained(path, kind)
    try:
        with _quiet():
            image = _reader(path, kind).Execute()
            voxels = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    except (RuntimeError, MemoryError) as error:
        message = "The volume file is damaged or truncated; export it again."
        raise UnreadableInputError(message) from error
    if voxels.shape != (series.slice_count, series.rows, series.columns):
        message = "The volume file has changed since it was listed; start again."
        raise UnreadableInputError(message)
    if not np.isfinite(voxels).all():
        message = "The volume file holds voxels that are not finite; export it again."
        raise UnreadableInputError(message)
    planes = _planes(image)
    # Files may count their slices against the normal that rows and columns give.
    if len(planes) > 1 and float(planes[0].height_mm(planes[1].origin_lps_mm)) < 0.0:
        planes.reverse()
        voxels = np.ascontiguousarray(voxels[::-1])
    return Volume(
        series=series,
        slices=tuple(
            Slice(plane, source) for plane, source in zip(planes, series.sources, strict=True)
        ),
        voxels=voxels,
        flags=_flags(series, _gives_direction(path, kind)),
    )


def _planes(image: sitk.Image) -> list[Plane]:
    """Give the plane of every slice as SimpleITK places it, checked like those of DICOM."""
    columns, rows, slices = image.GetSize()
    direction = np.asarray(image.GetDirection(), dtype=np.float64).reshape(3, 3)
    column_spacing_mm, row_spacing_mm, _ = image.GetSpacing()
    low_mm, high_mm = PIXEL_LIMITS_MM
    if not all(low_mm <= value <= high_mm for value in (row_spacing_mm, column_spacing_mm)):
        message = (
            f"The pixel spacing is {row_spacing_mm:g} x {column_spacing_mm:g} mm, expected "
            f"{low_mm:g} to {high_mm:g} mm; no millimetre can be taken."
        )
        raise GeometryError(message)
    origins = [np.array(image.TransformIndexToPhysicalPoint((0, 0, k))) for k in range(slices)]
    if not all(np.all(np.abs(origin) <= POSITION_LIMIT_MM) for origin in origins):
        message = "The volume lies metres away from the patient; no millimetre can be taken."
        raise GeometryError(message)
    try:
        return [
            Plane(
                origin, direction[:, 0], direction[:, 1],
                row_spacing_mm, column_spacing_mm, (rows, columns),
            )
            for origin in origins
        ]  # fmt: skip
    except ValueError as error:
        message = "The axes of the volume are not perpendicular; no millimetre can be taken."
        raise GeometryError(message) from error


def _flags(series: Series, directed: bool) -> tuple[Flag, ...]:
    flags = [
        Flag(
            FlagCode.NO_PATIENT_POSITION,
            Severity.CAUTION,
            f"The images come from a {series.file_format} file, which does not say how the patient "
            "lay, which sequence it was or who the patient is; no DICOM report can be made.",
        )
    ]
    if not directed:
        flags.append(
            Flag(
                FlagCode.NO_IMAGE_DIRECTION,
                Severity.REFUSAL,
                f"The {series.file_format} file does not say which way its axes point; left and "
                "right cannot be told apart.",
            )
        )
    return tuple(flags)
