"""Load one stack of DICOM slices, classic or enhanced, as a volume; read its headers again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset

from ifspace.errors import GeometryError, SeriesChoiceError, UnreadableInputError
from ifspace.io.classic import headers_of
from ifspace.io.consistency import contradiction
from ifspace.io.elements import read_dataset
from ifspace.io.header import ImageHeader
from ifspace.io.limits import MAX_VOXELS
from ifspace.io.pixels import (
    RawImages,
    Stored,
    is_lossy,
    read_images,
    stored_frames,
    write_signal,
)
from ifspace.io.stacks import sorted_along_normal
from ifspace.io.values import DAMAGED, refused_as
from ifspace.model import (
    Flag,
    FlagCode,
    PatientIdentity,
    Series,
    Severity,
    Slice,
    SliceSource,
    Volume,
)

# What other rooms hand on to `dicom_out` without knowing pydicom.
Header = Dataset


@dataclass(frozen=True, eq=False)
class _Image:
    """One decoded slice on its way into the volume."""

    header: ImageHeader
    stored: Stored
    file: RawImages


def load_dicom(series: Series) -> Volume:
    """Load the slices of one stack, sorted along their normal.

    A slice that cannot be read or has no place in the patient is left out and named in a flag.

    Raises
    ------
    UnreadableInputError
        If no slice can be decoded.
    GeometryError
        If no slice has a place in the patient.
    SeriesChoiceError
        If the slices are of two patients, studies or frames of reference.
    """
    images: list[_Image] = []
    left_out: list[tuple[str, bool]] = []
    # Complaints about odd values would print the values.
    with disable_value_validation():
        for path, sources in _by_file(series).items():
            _load_file(path, sources, images, left_out)
        if not images:
            _refuse(series, left_out)
        return _volume(series, images, [reason for reason, _ in left_out])


def _by_file(series: Series) -> dict[Path, list[SliceSource]]:
    by_file: dict[Path, list[SliceSource]] = {}
    for source in series.sources:
        by_file.setdefault(source.path, []).append(source)
    return by_file


def _load_file(
    path: Path,
    sources: list[SliceSource],
    images: list[_Image],
    left_out: list[tuple[str, bool]],
) -> None:
    """Decode the wanted frames of one file; note what cannot be used, and whether by its place."""
    try:
        with refused_as(DAMAGED):
            file = read_images(path)
            size = path.stat().st_size
            headers = {item.frame_number: item for item in headers_of(file.header, size, path)}
            frames = stored_frames(file)
    except UnreadableInputError as error:
        left_out.extend((str(error), False) for _ in sources)
        return
    for source in sources:
        header = headers.get(source.frame_number)
        if header is None:
            left_out.append(("the frame is gone", False))
            continue
        try:
            header.plane  # noqa: B018  a slice without a plane is left out here
        except GeometryError as error:
            left_out.append((str(error).rstrip("."), True))
            continue
        images.append(_Image(header, frames[(source.frame_number or 1) - 1], file))


def _refuse(series: Series, left_out: list[tuple[str, bool]]) -> None:
    """Say in one sentence why nothing of a series can be used."""
    reason, by_place = Counter(left_out).most_common(1)[0][0]
    message = f"None of the {series.slice_count} slices can be used: {reason}."
    if by_place:
        raise GeometryError(message)
    raise UnreadableInputError(f"{message[:-1]}; export the series again.")


def _volume(series: Series, images: list[_Image], reasons: list[str]) -> Volume:
    """Sort decoded slices, rescale them and put them together."""
    of_header = {id(image.header): image for image in images}
    ordered = [
        of_header[id(header)] for header in sorted_along_normal(image.header for image in images)
    ]
    if mixed := contradiction([image.header for image in ordered]):
        raise SeriesChoiceError(f"The series is not measured: {mixed}.")
    shapes = Counter((image.header.rows, image.header.columns) for image in ordered)
    shape_ji = shapes.most_common(1)[0][0]
    fitting = [image for image in ordered if (image.header.rows, image.header.columns) == shape_ji]
    reasons = reasons + ["another matrix than the other slices"] * (len(ordered) - len(fitting))
    if len(fitting) * shape_ji[0] * shape_ji[1] > MAX_VOXELS:
        message = (
            f"{len(fitting)} slices of {shape_ji[0]} x {shape_ji[1]} are more than a scan has."
        )
        raise UnreadableInputError(message)
    voxels = np.empty((len(fitting), *shape_ji), dtype=np.float32)
    sound: list[_Image] = []
    for image in fitting:
        try:
            write_signal(voxels[len(sound)], image.stored, image.file, image.header.frame_number)
        except UnreadableInputError as error:
            reasons.append(str(error))
        else:
            sound.append(image)
    if not sound:
        raise UnreadableInputError(f"No slice of the series can be used: {reasons[-1]}.")
    return Volume(
        series=replace(series, sources=tuple(image.header.source for image in sound)),
        slices=tuple(Slice(image.header.plane, image.header.source) for image in sound),
        voxels=voxels[: len(sound)],
        flags=(*_left_out_flag(reasons, series.slice_count), *_lossy_flag(sound)),
    )


def _left_out_flag(reasons: list[str], slice_count: int) -> tuple[Flag, ...]:
    if not reasons:
        return ()
    shown = "; ".join(f"{number} x {reason}" for reason, number in Counter(reasons).items())
    detail = f"{len(reasons)} of {slice_count} slices were left out: {shown}."
    return (Flag(FlagCode.SLICE_LEFT_OUT, Severity.CAUTION, detail),)


def _lossy_flag(images: list[_Image]) -> tuple[Flag, ...]:
    if not any(is_lossy(image.file) for image in images):
        return ()
    detail = "The images were compressed with loss; edges may have moved by a fraction of a pixel."
    return (Flag(FlagCode.LOSSY_COMPRESSION, Severity.CAUTION, detail),)


def read_headers(series: Series) -> tuple[Dataset, ...]:
    """Read the full header of each file of a series, without pixels, in slice order.

    An enhanced series is one file and gives one header; a series that is not DICOM gives none.

    Raises
    ------
    UnreadableInputError
        If a file cannot be read any more.
    """
    if series.file_format != "DICOM":
        return ()
    return tuple(read_dataset(path, pixels=False) for path in _by_file(series))


def read_identity(series: Series) -> PatientIdentity | None:
    """Read who the patient is, for the PDF and DICOM objects only; None where no file says.

    Raises
    ------
    UnreadableInputError
        If the file cannot be read any more.
    """
    if series.file_format != "DICOM":
        return None
    return identity_of(read_dataset(series.sources[0].path, pixels=False))


def identity_of(header: Dataset) -> PatientIdentity:
    """Give who the patient is by one header; what it does not say or damages is empty."""

    def value(keyword: str) -> str:
        try:
            with disable_value_validation(), refused_as(DAMAGED):
                return str(header.get(keyword) or "").strip()
        except UnreadableInputError:
            return ""

    return PatientIdentity(
        name=value("PatientName"),
        patient_id=value("PatientID"),
        birth_date=value("PatientBirthDate"),
        study_date=value("StudyDate"),
        accession_number=value("AccessionNumber"),
        is_removed=value("PatientIdentityRemoved").upper() == "YES",
    )
