"""Read the header of one DICOM file, quickly: one read, one parse, only what is needed."""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian

from ifspace.errors import UnreadableInputError
from ifspace.io.enhanced import frame_headers
from ifspace.io.header import (
    MAX_PIXELS_PER_SIDE,
    FileFacts,
    ImageHeader,
    geometry_problem,
)
from ifspace.io.sniff import FileKind, kind_of
from ifspace.io.values import (
    BROKEN_DICOM,
    age_years,
    count,
    counts,
    number,
    numbers,
    raw,
    text,
    words,
)

# Most headers of one slice are 2 to 12 kB; one read gets them whole.
_FIRST_READ_BYTES = 16_384
# Deflate packs headers and slices 2 to 10 times; a file that swells past this is an attack.
MAX_INFLATED_BYTES = 4 * 2**30
_PIXEL_TAGS = (0x7FE00010, 0x7FE00008, 0x7FE00009)
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


def read_dataset(path: Path, *, pixels: bool) -> Dataset:
    """Read a DICOM file that may lack its preamble, without judging any value.

    Raises
    ------
    UnreadableInputError
        If it is none, or is damaged.
    """
    try:
        with path.open("rb") as stream:
            kind = kind_of(stream.read(132 + 412))
            stream.seek(0)
            if kind not in (FileKind.DICOM, FileKind.BARE_DICOM):
                raise UnreadableInputError(_not_dicom(kind))
            _check_inflated_size(path)
            with disable_value_validation():
                return dcmread(
                    stream, stop_before_pixels=not pixels, force=kind is FileKind.BARE_DICOM
                )
    except BROKEN_DICOM as error:
        raise UnreadableInputError("damaged or truncated DICOM file") from error


def read_headers_of_file(path: Path, name: str) -> tuple[ImageHeader, ...]:
    """Read what one file says of its images: one header per image.

    Raises
    ------
    UnreadableInputError
        If it is no image; the sentence is the reason to list the file with.
    """
    try:
        with path.open("rb", buffering=0) as stream:
            size = path.stat().st_size
            head = stream.read(_FIRST_READ_BYTES)
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error
    kind = kind_of(head)
    if kind not in (FileKind.DICOM, FileKind.BARE_DICOM):
        raise UnreadableInputError(_not_dicom(kind))
    try:
        with disable_value_validation():
            header, room_bytes = _parse(path, head, size, kind)
            return _headers(header, room_bytes, path, name)
    except BROKEN_DICOM as error:
        raise UnreadableInputError("damaged or truncated DICOM file") from error


def headers_of(header: Dataset, path: Path, name: str = "") -> tuple[ImageHeader, ...]:
    """Turn a data set that was read already into one header per image.

    Raises
    ------
    UnreadableInputError
        If it is no image.
    """
    try:
        with disable_value_validation():
            return _headers(header, None, path, name)
    except BROKEN_DICOM as error:
        raise UnreadableInputError("damaged or truncated DICOM file") from error


def _not_dicom(kind: FileKind) -> str:
    """Say what the file is instead."""
    return {
        FileKind.EMPTY: "the file is empty (0 bytes)",
        FileKind.ZIP: "an archive inside the input; unpack it, or give it by itself",
    }.get(kind, "not an image file (no DICOM, NIfTI, NRRD or MetaImage content)")


def _parse(path: Path, head: bytes, size: int, kind: FileKind) -> tuple[Dataset, int | None]:
    """Parse a header; also the bytes from the pixel data on, where they can be counted.

    The first kilobytes are enough for nearly every file; where the pixel data does not begin
    within them the file is parsed as a whole.
    """
    force = kind is FileKind.BARE_DICOM
    stream = BytesIO(head)
    try:
        header = dcmread(stream, stop_before_pixels=True, force=force)
        at = stream.tell()
        if _at_pixel_data(head[at : at + 4]):
            return header, size - at
    except BROKEN_DICOM:
        # Cut within an element: the file as a whole decides.
        pass
    _check_inflated_size(path)
    with path.open("rb") as whole:
        header = dcmread(whole, stop_before_pixels=True, force=force)
        if header.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            return header, None
        return header, size - whole.tell()


def _at_pixel_data(tag: bytes) -> bool:
    """Tell whether four bytes are the tag of pixel data, in either byte order."""
    return tag[:2] in (b"\xe0\x7f", b"\x7f\xe0") and tag[2:] in (
        b"\x10\x00", b"\x08\x00", b"\x09\x00", b"\x00\x10", b"\x00\x08", b"\x00\x09",
    )  # fmt: skip


def _check_inflated_size(path: Path) -> None:
    """Refuse a deflated data set that swells without end, before anything unpacks it whole."""
    with path.open("rb") as stream:
        head = stream.read(2048)
        if str(DeflatedExplicitVRLittleEndian).encode() + b"\0" not in head:
            return
        # The file meta information says its own length in its first element (PS3.10 7.1).
        stream.seek(144 + int.from_bytes(head[140:144], "little"))
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated_bytes = 0
        packed = stream.read(2**20)
        while packed and not inflater.eof:
            inflated_bytes += len(inflater.decompress(packed, 2**24))
            if inflated_bytes > MAX_INFLATED_BYTES:
                raise UnreadableInputError("it unpacks to more than any series holds; not opened")
            packed = inflater.unconsumed_tail or stream.read(2**20)


def _headers(
    header: Dataset, room_bytes: int | None, path: Path, name: str
) -> tuple[ImageHeader, ...]:
    """Turn a parsed header into typed facts."""
    facts = _file_facts(header)
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
    if "PerFrameFunctionalGroupsSequence" in header:
        return frame_headers(header, facts, path, name)
    if frames > 1:
        raise UnreadableInputError("several images in one object without a place for each")
    return (_classic_header(header, facts, path, name, (rows, columns)),)


def _not_an_image(sop_class_uid: str) -> str:
    """Name an object without pixels in words."""
    if not sop_class_uid:
        return "damaged or truncated DICOM file"
    known = UID(sop_class_uid).name
    return f"not an image ({known})" if known != sop_class_uid else "not an image"


def _check_pixel_room(
    header: Dataset, facts: FileFacts, pixels: int, room_bytes: int | None
) -> None:
    """Refuse a file that ends before its pixels do."""
    if room_bytes is None:
        return
    # Twelve bytes of element header with an explicit length in 32 bits, eight without.
    if room_bytes <= 8:
        raise UnreadableInputError("the pixel data is missing")
    if not UID(facts.transfer_syntax_uid).is_compressed:
        bits = count(header, 0x00280100)
        needed_bytes = pixels * max(count(header, 0x00280002), 1) * bits // 8
        if room_bytes - 8 < needed_bytes:
            raise UnreadableInputError(
                f"the file is truncated: {room_bytes - 8} bytes of pixels, {needed_bytes} expected"
            )


def _file_facts(header: Dataset) -> FileFacts:
    """Read what all images of a file share."""
    transfer_syntax = str(header.file_meta.get("TransferSyntaxUID", "") or "")
    series_number, instance = number(header, 0x00200011), number(header, 0x00200013)
    sex = text(header, 0x00100040)
    return FileFacts(
        sop_class_uid=text(header, 0x00080016),
        sop_instance_uid=text(header, 0x00080018),
        transfer_syntax_uid=transfer_syntax or str(ImplicitVRLittleEndian),
        study_instance_uid=text(header, 0x0020000D) or None,
        series_instance_uid=text(header, 0x0020000E) or None,
        frame_of_reference_uid=text(header, 0x00200052) or None,
        series_number=None if series_number is None else int(series_number),
        instance_number=None if instance is None else int(instance),
        description=_description(header),
        modality=text(header, 0x00080060),
        patient_position=text(header, 0x00185100) or None,
        patient_age_years=age_years(
            text(header, 0x00101010), text(header, 0x00100030), text(header, 0x00080020)
        ),
        patient_sex=sex if sex in ("F", "M", "O") else None,
        manufacturer=text(header, 0x00080070) or None,
        field_strength_t=number(header, 0x00180087),
        scanning_sequence=words(header, 0x00180020),
        scan_options=words(header, 0x00180022),
        sequence_name=text(header, 0x00180024),
        protocol=text(header, 0x00181030),
        colour=count(header, 0x00280002) > 1,
    )


def _description(header: Dataset) -> str:
    """Read SeriesDescription, in its character set only where it needs one."""
    value = raw(header, 0x0008103E)
    if value.isascii() and b"\x1b" not in value:
        return value.decode("ascii").strip(" \0")
    return str(header.get("SeriesDescription", "")).strip()


def _classic_header(
    header: Dataset, facts: FileFacts, path: Path, name: str, shape_ji: tuple[int, int]
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


def _label(header: Dataset, tag: int) -> str:
    """Read an attribute as a word to compare; numbers in binary count as their bytes."""
    value = raw(header, tag)
    return value.hex() if tag in (0x00189087, 0x00189089) else text(header, tag)


def _place(header: Dataset, tag: int) -> tuple[float, ...]:
    """Read numbers that geometry rests on; no number at all becomes NaN, which every check
    refuses.
    """
    try:
        return numbers(header, tag)
    except ValueError:
        return (float("nan"),)


def _detector_spacing(header: Dataset) -> str | None:
    """Name an attribute that gives a distance which is none in the patient."""
    for tag, label in (
        (0x00181164, "ImagerPixelSpacing"),
        (0x00182010, "NominalScannedPixelSpacing"),
    ):
        if header.get_item(tag) is not None:
            return label
    return None


def _acquired(header: Dataset) -> tuple[int, int] | None:
    """Read AcquisitionMatrix (frequency rows, columns, phase rows, columns) as rows, columns."""
    values = counts(header, 0x00181310)
    if len(values) != 4:
        return None
    rows, columns = values[0] or values[2], values[1] or values[3]
    return (rows, columns) if rows and columns else None
