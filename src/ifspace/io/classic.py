"""Read the header of one DICOM file, quickly: one read, one parse, only what is needed."""

from __future__ import annotations

import os
import struct
from functools import lru_cache
from pathlib import Path

from pydicom.charset import convert_encodings, decode_bytes
from pydicom.config import disable_value_validation
from pydicom.uid import UID, ImplicitVRLittleEndian

from ifspace.errors import UnreadableInputError
from ifspace.io.consistency import patient_tags
from ifspace.io.elements import RawHeader, read_elements
from ifspace.io.enhanced import frame_headers
from ifspace.io.header import (
    MAX_PIXELS_PER_SIDE,
    FileFacts,
    ImageHeader,
    geometry_problem,
)
from ifspace.io.values import (
    DAMAGED,
    NATIVE_SYNTAXES,
    PER_FRAME_GROUPS,
    TRANSFER_SYNTAX,
    Elements,
    age_years,
    count,
    counts,
    number,
    numbers,
    raw,
    refused_as,
    text,
    without_identity,
    words,
)

# Most headers of one slice are 2 to 12 kB; one read gets them whole.
_FIRST_READ_BYTES = 16_384
_NOT_IMAGES = {
    "1.2.840.10008.1.3.10": "a DICOMDIR; the files of the folder were read instead",
    "1.2.840.10008.5.1.4.1.1.66": "raw data, not an image",
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation, not an image; give it as a label map",
    "1.2.840.10008.5.1.4.1.1.104.1": "a PDF in DICOM, not an image",
}
# Attributes by which images at one place are told apart, most telling first.
_LABEL_TAGS = (
    ("temporal position", 0x00200100),
    ("b-value", 0x00189087),
    ("diffusion direction", 0x00189089),
    ("trigger time", 0x00181060),
    ("inversion time", 0x00180082),
    ("flip angle", 0x00181314),
    ("repetition time", 0x00180080),
    ("echo number", 0x00180086),
    ("acquisition", 0x00200012),
)
# These hold doubles instead of digits.
_BINARY_LABELS = (0x00189087, 0x00189089)


def read_headers_of_file(path: Path, name: str) -> tuple[ImageHeader, ...]:
    """Read what one file says of its images: one header per image.

    Raises
    ------
    UnreadableInputError
        If it is no image; the sentence is the reason to list the file with.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            head = stream.read(_FIRST_READ_BYTES)
            size = os.fstat(stream.fileno()).st_size
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
    return headers_of(read_elements(path, head), size, path, name)


def headers_of(header: RawHeader, size: int, path: Path, name: str = "") -> tuple[ImageHeader, ...]:
    """Turn raw elements into one typed header per image.

    Parameters
    ----------
    header
        The elements up to the pixel data.
    size
        Bytes of the file.
    path, name
        Where the file is, and what the user knows it as.

    Raises
    ------
    UnreadableInputError
        If it is no image, or too short for one.
    """
    room_bytes = None if header.pixels_at is None else size - header.pixels_at
    with refused_as(DAMAGED):
        return _headers(header, room_bytes, path, name)


def _headers(
    file: RawHeader, room_bytes: int | None, path: Path, name: str
) -> tuple[ImageHeader, ...]:
    header = file.values
    facts = _file_facts(file)
    if facts.sop_class_uid in _NOT_IMAGES:
        raise UnreadableInputError(_NOT_IMAGES[facts.sop_class_uid])
    rows, columns = count(header, 0x00280010), count(header, 0x00280011)
    if not (rows or columns):
        raise UnreadableInputError(_not_an_image(facts.sop_class_uid))
    for label, value in (("Rows", rows), ("Columns", columns)):
        if not 0 < value <= MAX_PIXELS_PER_SIDE:
            raise UnreadableInputError(f"{label} is {value}, which no image has")
    frames = int(number(header, 0x00280008) or 1)
    _check_pixel_room(header, facts, rows * columns * max(frames, 1), room_bytes)
    if PER_FRAME_GROUPS in header and file.dataset is not None:
        return frame_headers(file.dataset, facts, path, name)
    if frames > 1:
        raise UnreadableInputError("several images in one object without a place for each")
    return (_classic_header(header, facts, path, name, (rows, columns)),)


def _not_an_image(sop_class_uid: str) -> str:
    """Name an object without pixels in words."""
    if not sop_class_uid:
        return DAMAGED
    known = UID(sop_class_uid).name
    return f"not an image ({known})" if known != sop_class_uid else "not an image"


def _check_pixel_room(
    header: Elements, facts: FileFacts, pixels: int, room_bytes: int | None
) -> None:
    """Refuse a file that ends before its pixels do."""
    if room_bytes is None:
        return
    # The pixel data element itself has a header of 8 or 12 bytes.
    if room_bytes <= 8:
        raise UnreadableInputError("the pixel data is missing")
    if facts.transfer_syntax_uid in NATIVE_SYNTAXES:
        bits = count(header, 0x00280100)
        needed_bytes = pixels * max(count(header, 0x00280002), 1) * bits // 8
        if room_bytes - 8 < needed_bytes:
            raise UnreadableInputError(
                f"the file is truncated: {room_bytes - 8} bytes of pixels, {needed_bytes} expected"
            )


def _file_facts(file: RawHeader) -> FileFacts:
    """Read what all images of a file share."""
    header = file.values
    series_number, instance = number(header, 0x00200011), number(header, 0x00200013)
    sex = text(header, 0x00100040)
    return FileFacts(
        sop_class_uid=text(header, 0x00080016) or text(header, 0x00020002),
        sop_instance_uid=text(header, 0x00080018) or text(header, 0x00020003),
        transfer_syntax_uid=text(header, TRANSFER_SYNTAX) or str(ImplicitVRLittleEndian),
        study_instance_uid=text(header, 0x0020000D) or None,
        series_instance_uid=text(header, 0x0020000E) or None,
        frame_of_reference_uid=text(header, 0x00200052) or None,
        series_number=None if series_number is None else int(series_number),
        instance_number=None if instance is None else int(instance),
        description=without_identity(
            _description(raw(header, 0x0008103E), text(header, 0x00080005)), _identities(header)
        ),
        modality=text(header, 0x00080060),
        patient_position=text(header, 0x00185100) or None,
        patient_age_years=age_years(
            text(header, 0x00101010), text(header, 0x00100030), text(header, 0x00080020)
        ),
        patient_sex=sex if sex in ("F", "M", "O") else None,
        manufacturer=without_identity(text(header, 0x00080070), _identities(header)) or None,
        field_strength_t=number(header, 0x00180087),
        scanning_sequence=words(header, 0x00180020),
        scan_options=words(header, 0x00180022),
        sequence_name=text(header, 0x00180024),
        protocol=text(header, 0x00181030),
        colour=count(header, 0x00280002) > 1 or text(header, 0x00280004) == "PALETTE COLOR",
        patient=_patient(header),
    )


def _patient(header: Elements) -> tuple[str, ...]:
    """Tag who the patient is, to tell two apart."""
    character_set = text(header, 0x00080005)
    return patient_tags(
        text(header, 0x00100020),
        _description(raw(header, 0x00100010), character_set),
        text(header, 0x00100030),
        text(header, 0x00100040),
    )


def _identities(header: Elements) -> tuple[str, ...]:
    """Give what names the patient: name, ID, birth date and accession number."""
    character_set = text(header, 0x00080005)
    return (
        _description(raw(header, 0x00100010), character_set),
        *(text(header, tag) for tag in (0x00100020, 0x00100030, 0x00080050)),
    )


@lru_cache(maxsize=256)
def _description(value: bytes, character_set: str) -> str:
    """Read SeriesDescription, by its character set only where it needs one."""
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip(" \0")
    with disable_value_validation():
        encodings = convert_encodings(character_set.split("\\"))
        return decode_bytes(value, encodings, set()).strip(" \0")


def _classic_header(
    header: Elements, facts: FileFacts, path: Path, name: str, shape_ji: tuple[int, int]
) -> ImageHeader:
    """Read the header of a file that holds one image."""
    position, orientation = _place(header, 0x00200032), _place(header, 0x00200037)
    spacing = _place(header, 0x00280030)
    return ImageHeader(
        file=facts,
        path=path,
        name=name,
        rows=shape_ji[0],
        columns=shape_ji[1],
        position_lps_mm=position,
        orientation_lps=orientation,
        spacing_mm=spacing,
        spacing_source="PixelSpacing" if spacing else None,
        thickness_mm=number(header, 0x00180050),
        echo_time_ms=number(header, 0x00180081),
        repetition_time_ms=number(header, 0x00180080),
        inversion_time_ms=number(header, 0x00180082),
        image_type=words(header, 0x00080008),
        acquisition_matrix=_acquired(header),
        labels=tuple(
            (label, value) for label, tag in _LABEL_TAGS if (value := _label(header, tag))
        ),
        problem=geometry_problem(position, orientation, spacing, _detector_spacing(header)),
    )


def _label(header: Elements, tag: int) -> str:
    """Read an attribute as a word to compare."""
    if tag not in _BINARY_LABELS:
        return text(header, tag)
    value = raw(header, tag)
    size = len(value) // 8
    return "\\".join(f"{part:g}" for part in struct.unpack(f"<{size}d", value[: 8 * size]))


def _place(header: Elements, tag: int) -> tuple[float, ...]:
    """Read numbers that geometry rests on; what is none becomes NaN, which every check refuses."""
    try:
        return numbers(header, tag)
    except ValueError:
        return (float("nan"),)


def _detector_spacing(header: Elements) -> str | None:
    """Name an attribute that gives a distance which is none in the patient."""
    for tag, label in (
        (0x00181164, "ImagerPixelSpacing"),
        (0x00182010, "NominalScannedPixelSpacing"),
    ):
        if tag in header:
            return label
    return None


def _acquired(header: Elements) -> tuple[int, int] | None:
    """Read AcquisitionMatrix (frequency rows, columns, phase rows, columns) as rows, columns."""
    values = counts(header, 0x00181310)
    if len(values) != 4:
        return None
    rows, columns = values[0] or values[2], values[1] or values[3]
    return (rows, columns) if rows and columns else None
