"""What a file is, by its first bytes. Names and extensions prove nothing."""

from __future__ import annotations

import gzip
import zlib
from enum import StrEnum
from pathlib import Path

# Enough for a DICOM preamble (132) and a NIfTI-1 header (348) and NIfTI-2 header (540).
HEAD_BYTES = 544
_ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Group 0002 or 0008, little endian: a data set that was stored without its preamble.
_BARE_DICOM_STARTS = (b"\x02\x00\x00\x00", b"\x02\x00\x10\x00", b"\x08\x00")
_SMALL_ELEMENT = 0x80


class FileKind(StrEnum):
    """What the first bytes say."""

    DICOM = "DICOM"
    BARE_DICOM = "DICOM without preamble"
    NIFTI = "NIfTI"
    NRRD = "NRRD"
    MHA = "MetaImage"
    ZIP = "ZIP"
    EMPTY = "empty"
    OTHER = "other"


def sniff(path: Path) -> FileKind:
    """Read the first bytes of a file and name its kind.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        return kind_of(stream.read(HEAD_BYTES))


def kind_of(head: bytes) -> FileKind:
    """Name the kind of file that starts with these bytes; a few hundred are enough."""
    if not head:
        return FileKind.EMPTY
    # First: the preamble may be an executable, a TIFF header or anything else.
    if head[128:132] == b"DICM":
        return FileKind.DICOM
    if head.startswith(_ZIP_STARTS):
        return FileKind.ZIP
    if head.startswith(b"NRRD000"):
        return FileKind.NRRD
    if head.startswith((b"ObjectType", b"NDims", b"Comment =")):
        return FileKind.MHA
    if is_nifti(head) or is_nifti(_inflated_head(head)):
        return FileKind.NIFTI
    if _is_bare_dicom(head):
        return FileKind.BARE_DICOM
    return FileKind.OTHER


def is_nifti(head: bytes) -> bool:
    """Tell whether uncompressed bytes start a NIfTI file that holds its own voxels."""
    return head[344:348] == b"n+1\x00" or head[4:8] == b"n+2\x00"


def _inflated_head(head: bytes) -> bytes:
    """Unpack the first bytes of a gzip stream; empty where it is none."""
    if not head.startswith(b"\x1f\x8b"):
        return b""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(head, HEAD_BYTES)
    except zlib.error:
        return b""


def gzip_head(path: Path, size: int) -> bytes:
    """Read the first bytes of a file, unpacked where it is a gzip stream.

    Raises
    ------
    OSError
        If the file cannot be read or its gzip stream is damaged.
    """
    with path.open("rb") as stream:
        if stream.read(2) != b"\x1f\x8b":
            stream.seek(0)
            return stream.read(size)
        stream.seek(0)
        try:
            with gzip.open(stream) as inflated:
                return inflated.read(size)
        except (EOFError, zlib.error) as error:
            message = "damaged gzip stream"
            raise OSError(message) from error


def _is_bare_dicom(head: bytes) -> bool:
    """Tell whether bytes look like a data set without preamble: a first element that is small."""
    if len(head) < 8 or not head.startswith(_BARE_DICOM_STARTS):
        return False
    has_vr = head[4:6].isalpha() and head[4:6].isupper()
    length = int.from_bytes(head[6:8] if has_vr else head[4:8], "little")
    return length <= _SMALL_ELEMENT
