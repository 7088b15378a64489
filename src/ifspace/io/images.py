"""NIfTI, NRRD and MetaImage: the header checked by us, then read by SimpleITK, which gives LPS.

SimpleITK runs in a process of its own, see :mod:`ifspace.io.decoding`. Such a file tells nothing of
the patient: no position on the table, no identity, no study.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from ifspace.errors import GeometryError, UnreadableInputError
from ifspace.geometry import Floats, Plane
from ifspace.io.decoding import NativeVolume, native_volume
from ifspace.io.header import PIXEL_LIMITS_MM, POSITION_LIMIT_MM
from ifspace.io.sniff import FileKind
from ifspace.io.volume_header import check_volume_header
from ifspace.model import Flag, FlagCode, Series, Severity, Slice, SliceSource, Volume

_FORMATS = {FileKind.NIFTI: "NIfTI", FileKind.NRRD: "NRRD", FileKind.MHA: "MHA"}
_READERS = {
    FileKind.NIFTI: "NiftiImageIO",
    FileKind.NRRD: "NrrdImageIO",
    FileKind.MHA: "MetaImageIO",
}


def read_native(
    path: Path, kind: FileKind, *, voxels: bool, beside: bool = False
) -> tuple[NativeVolume, bool]:
    """Check a volume file and read it; also tell whether it says which way its axes point.

    Raises
    ------
    UnreadableInputError
        If it is damaged, holds no voxels itself, or is no single grey volume.
    """
    header = check_volume_header(path, kind, beside=beside)
    image = native_volume(path, _READERS[kind], header.voxel_bytes, voxels=voxels)
    if len(image.size_ijk) != 3 or image.components != 1:
        raise UnreadableInputError(
            f"{len(image.size_ijk)} dimensions and {image.components} values per voxel; one grey"
            " volume is expected"
        )
    return image, header.directed


def describe_image(path: Path, kind: FileKind) -> Series:
    """Read the header of a volume file as a series of slices.

    Raises
    ------
    UnreadableInputError
        If the file is damaged, holds no voxels itself, or is no single volume.
    """
    image, _ = read_native(path, kind, voxels=False)
    columns, rows, slices = image.size_ijk
    sources = tuple(SliceSource(path) for _ in range(slices))
    return Series(
        sources=sources,
        rows=rows,
        columns=columns,
        file_format=_FORMATS[kind],
        modality="unknown",
        row_spacing_mm=image.spacing_ijk_mm[1],
        column_spacing_mm=image.spacing_ijk_mm[0],
        spacing_source=f"{_FORMATS[kind]} header",
        slice_step_mm=image.spacing_ijk_mm[2] if slices > 1 else None,
        tilt_from_axial_deg=_tilt_deg(image.direction),
    )


def _tilt_deg(direction: tuple[float, ...]) -> float | None:
    """Angle between the slices and the axial plane; None where the axes are damaged."""
    matrix = np.asarray(direction, dtype=np.float64).reshape(3, 3)
    normal = np.cross(matrix[:, 0], matrix[:, 1])
    length = float(np.linalg.norm(normal))
    if not math.isfinite(length) or abs(length - 1.0) > 0.01:
        return None
    return float(np.degrees(np.arccos(min(abs(float(normal[2])) / length, 1.0))))


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
    try:
        image, directed = read_native(path, kind, voxels=True)
    except UnreadableInputError as error:
        message = f"The volume file cannot be used: {error}; export it again."
        raise UnreadableInputError(message) from error
    assert image.voxels is not None
    voxels = image.voxels.astype(np.float32, copy=False)
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
        flags=_flags(series, directed),
    )


def _planes(image: NativeVolume) -> list[Plane]:
    """Give the plane of every slice as SimpleITK places it, checked like those of DICOM."""
    columns, rows, slices = image.size_ijk
    direction = np.asarray(image.direction, dtype=np.float64).reshape(3, 3)
    column_spacing_mm, row_spacing_mm, step_mm = image.spacing_ijk_mm
    low_mm, high_mm = PIXEL_LIMITS_MM
    if not all(low_mm <= value <= high_mm for value in (row_spacing_mm, column_spacing_mm)):
        message = (
            f"The pixel spacing is {row_spacing_mm:g} x {column_spacing_mm:g} mm, expected "
            f"{low_mm:g} to {high_mm:g} mm; no millimetre can be taken."
        )
        raise GeometryError(message)
    first_lps_mm = np.asarray(image.origin_lps_mm, dtype=np.float64)
    origins: list[Floats] = [first_lps_mm + direction[:, 2] * step_mm * k for k in range(slices)]
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
