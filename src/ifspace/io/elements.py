"""The raw elements of a DICOM header: scanned directly where possible, by pydicom otherwise.

A plain little-endian header is a list of tags, lengths and bytes. Walking it directly takes a
sixth of the time of a full parse, which counts when a thousand files are listed. Whatever is not
plain (big endian, deflated, odd) is left to pydicom, which also has the last word on damage.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from pydicom import dcmread
from pydicom.config import disable_value_validation
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ifspace.errors import UnreadableInputError
from ifspace.io.limits import check_voxels
from ifspace.io.sniff import HEAD_BYTES, FileKind, kind_of
from ifspace.io.values import (
    DAMAGED,
    PER_FRAME_GROUPS,
    PIXEL_DATA,
    TRANSFER_SYNTAX,
    count,
    number,
    refused_as,
)

# Values longer than this are looked up by nobody here.
_MAX_KEPT_BYTES = 1024
# The file meta information is some hundred bytes; private parts of it a few thousand.
_META_BYTES = 65_536
_CHUNK_BYTES = 2**20
# The functional groups of 5000 frames are some 10 MB.
_DEFLATED_HEADER_BYTES = 16 * 2**20
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_TAGS = (0x7FE00008, 0x7FE00009, PIXEL_DATA)
_MAX_DEPTH = 32
# PS3.5 7.1.2: these have two reserved bytes and a length of 32 bits.
_LONG_VRS = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT_VRS = frozenset(
    (
        b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN",
        b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
    )
)  # fmt: skip
_head = struct.Struct("<HH2sH").unpack_from
_long = struct.Struct("<I").unpack_from


@dataclass(frozen=True, eq=False)
class RawHeader:
    """The raw elements of one file.

    Attributes
    ----------
    values
        Value bytes by tag, file meta information included, little endian.
    pixels_at
        Where in the file the pixel data element begins; absent where that cannot be counted.
    dataset
        What pydicom read, where it had to.
    """

    values: Mapping[int, bytes]
    pixels_at: int | None
    dataset: Dataset | None = None


class _NotPlainError(Exception):
    """The bytes are cut, or not what the scanner knows."""


def read_elements(path: Path, head: bytes) -> RawHeader:
    """Read the elements of a file up to its pixel data.

    Parameters
    ----------
    path
        The file.
    head
        Its first bytes; where the pixel data begins within them nothing else is read.

    Raises
    ------
    UnreadableInputError
        If the file is damaged, or no DICOM.
    """
    kind = kind_of(head)
    if kind is FileKind.DICOM:
        try:
            return scan(head)
        except (_NotPlainError, struct.error):
            pass
    elif kind is not FileKind.BARE_DICOM:
        raise UnreadableInputError(_not_dicom(kind))
    with refused_as(DAMAGED), path.open("rb") as stream:
        dataset, pixels_at = _parsed(stream, kind, pixels=False)
        return RawHeader(values_of(dataset), pixels_at, dataset)


def read_dataset(path: Path, *, pixels: bool) -> Dataset:
    """Read a DICOM file by pydicom, without judging any value.

    Raises
    ------
    UnreadableInputError
        If it is damaged, or no DICOM.
    """
    try:
        with path.open("rb") as stream:
            return dataset_of(stream, pixels=pixels)
    except OSError as error:
        raise UnreadableInputError(f"cannot be read ({error.strerror})") from error


def dataset_of(stream: BinaryIO, *, pixels: bool) -> Dataset:
    """Read a DICOM file that is open by pydicom, without judging any value.

    Raises
    ------
    UnreadableInputError
        If it is damaged, or no DICOM.
    """
    kind = kind_of(stream.read(HEAD_BYTES))
    if kind not in (FileKind.DICOM, FileKind.BARE_DICOM):
        raise UnreadableInputError(_not_dicom(kind))
    with refused_as(DAMAGED):
        return _parsed(stream, kind, pixels=pixels)[0]


def _not_dicom(kind: FileKind) -> str:
    """Say what the file is instead."""
    return {
        FileKind.EMPTY: "the file is empty (0 bytes)",
        FileKind.ZIP: "an archive inside the input; unpack it, or give it by itself",
    }.get(kind, "not an image file (no DICOM, NIfTI, NRRD or MetaImage content)")


def _parsed(stream: BinaryIO, kind: FileKind, *, pixels: bool) -> tuple[Dataset, int | None]:
    """Let pydicom read a file; also say where the reading ended, where that is a place in it."""
    plain = _without_deflate(stream, kind, pixels=pixels)
    stream.seek(0)
    with disable_value_validation():
        dataset = dcmread(
            _BoundedReads(stream) if plain is None else BytesIO(plain),
            stop_before_pixels=not pixels,
            force=kind is FileKind.BARE_DICOM,
        )
        if plain is not None:
            dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        return dataset, stream.tell() if plain is None and not pixels else None


class _BoundedReads(io.BufferedIOBase):
    """A file that is never asked for more bytes than it has: room for them would be taken first."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        at = stream.tell()
        self._size = stream.seek(0, io.SEEK_END)
        stream.seek(at)

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self._stream.tell(), 0)
        return self._stream.read(left if size is None or size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()


def file_meta(head: bytes) -> Mapping[int, bytes]:
    """Read the file meta information in the first bytes of a file; empty where it is damaged."""
    try:
        # Where nothing follows, zeros end it.
        return _walk(head + bytes(8), 132, explicit=True, meta=True)[0]
    except (_NotPlainError, struct.error):
        return {}


def _without_deflate(stream: BinaryIO, kind: FileKind, *, pixels: bool) -> bytes | None:
    """Unpack a deflated data set, no further than its header allows; nothing for any other.

    pydicom would unpack it whole, however much that is.
    """
    stream.seek(0)
    head = stream.read(_META_BYTES)
    deflated = str(DeflatedExplicitVRLittleEndian).encode()
    try:
        meta, begin = _walk(head, 132, explicit=True, meta=True)
    except (_NotPlainError, struct.error) as error:
        # Whatever this is, it must not be unpacked by somebody who counts nothing.
        if deflated in head or deflated in stream.read(_DEFLATED_HEADER_BYTES):
            raise UnreadableInputError(DAMAGED) from error
        return None
    if kind is not FileKind.DICOM and deflated in head:
        raise UnreadableInputError("a deflated data set without its file header")
    if meta.get(TRANSFER_SYNTAX, b"").rstrip(b" \0") != deflated:
        return None
    # In its own place, as long as before, padded as UIDs are.
    native = str(ExplicitVRLittleEndian).encode().ljust(len(deflated), b"\0")
    start = head[:begin].replace(deflated, native)
    header = start + b"".join(_inflated(stream, begin, _DEFLATED_HEADER_BYTES))
    if not pixels:
        return header
    most_bytes = _DEFLATED_HEADER_BYTES + _announced_bytes(header)
    # Counted before anything is kept.
    if sum(map(len, _inflated(stream, begin, most_bytes))) > most_bytes:
        raise UnreadableInputError("it unpacks to more than its header announces; not opened")
    return start + b"".join(_inflated(stream, begin, most_bytes))


def _inflated(stream: BinaryIO, begin: int, most_bytes: int) -> Iterator[bytes]:
    """Unpack from a place on, piece by piece, at most one byte more than asked for."""
    stream.seek(begin)
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    left = most_bytes + 1
    while left > 0 and not inflater.eof:
        packed = inflater.unconsumed_tail or stream.read(_CHUNK_BYTES)
        if not packed:
            return
        piece = inflater.decompress(packed, min(_CHUNK_BYTES, left))
        left -= len(piece)
        yield piece


def _announced_bytes(buffer: bytes) -> int:
    """Tell how many bytes of pixels the header of a plain file announces."""
    with disable_value_validation():
        header = values_of(dcmread(BytesIO(buffer), stop_before_pixels=True))
    rows, columns, bits = (count(header, tag) for tag in (0x00280010, 0x00280011, 0x00280100))
    pixels = rows * columns * max(int(number(header, 0x00280008) or 1), 1)
    check_voxels(pixels)
    return pixels * max(count(header, 0x00280002), 1) * bits // 8


def values_of(dataset: Dataset) -> dict[int, bytes]:
    """Give the raw value bytes of what pydicom read, file meta information included."""
    values: dict[int, bytes] = {}
    parts = [dataset]
    if getattr(dataset, "file_meta", None):
        parts.insert(0, dataset.file_meta)
    for part in parts:
        # Iterating the data set itself would convert every value.
        for tag in list(part.keys()):
            values[int(tag)] = _value_bytes(part.get_item(tag))
    return values


def _value_bytes(element: object) -> bytes:
    """Give the bytes of one element as pydicom holds it, numbers in little endian."""
    value = getattr(element, "value", None)
    vr = getattr(element, "VR", None)
    if value is None or vr == "SQ":
        return b""
    if not isinstance(element, RawDataElement):
        return str(value).encode("utf-8", "replace")
    if vr == "US" and not element.is_little_endian:
        return b"".join(value[at : at + 2][::-1] for at in range(0, len(value), 2))
    return bytes(value)


def scan(buffer: bytes) -> RawHeader:
    """Walk the elements of a plain little-endian DICOM file up to its pixel data.

    Raises
    ------
    _NotPlainError
        If there is anything but plain elements, or the buffer ends before the pixel data.
    """
    meta, at = _walk(buffer, 132, explicit=True, meta=True)
    syntax = meta.get(TRANSFER_SYNTAX, b"").rstrip(b" \0").decode("ascii", "replace")
    if syntax in ("", DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian):
        raise _NotPlainError
    values, at = _walk(buffer, at, explicit=syntax != ImplicitVRLittleEndian)
    if PER_FRAME_GROUPS in values:
        raise _NotPlainError
    values.update(meta)
    return RawHeader(values, at)


def _walk(
    buffer: bytes, at: int, *, explicit: bool, meta: bool = False
) -> tuple[dict[int, bytes], int]:
    """Collect elements until the pixel data or, in the file meta information, the next group."""
    found: dict[int, bytes] = {}
    while True:
        begin = at
        group, element, vr, length = _head(buffer, at)
        if meta and group != 2:
            return found, begin
        tag = group << 16 | element
        if tag in _PIXEL_TAGS:
            return found, begin
        at, length = _value_at(buffer, at, vr, length, explicit)
        if length == _UNDEFINED:
            at = _skip_sequence(buffer, at, explicit, 0)
            found[tag] = b""
            continue
        end = at + length
        if end > len(buffer):
            raise _NotPlainError
        found[tag] = buffer[at:end] if length <= _MAX_KEPT_BYTES else b""
        at = end


def _value_at(buffer: bytes, at: int, vr: bytes, length: int, explicit: bool) -> tuple[int, int]:
    """Find where a value begins and how long it is."""
    if not explicit:
        return at + 8, _long(buffer, at + 4)[0]
    if vr in _SHORT_VRS:
        return at + 8, length
    if vr in _LONG_VRS:
        return at + 12, _long(buffer, at + 8)[0]
    raise _NotPlainError


def _skip_sequence(buffer: bytes, at: int, explicit: bool, depth: int) -> int:
    """Walk over a sequence of undefined length."""
    if depth > _MAX_DEPTH:
        raise _NotPlainError
    while True:
        tag, length = _item_at(buffer, at)
        at += 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise _NotPlainError
        at = _skip_item(buffer, at, explicit, depth) if length == _UNDEFINED else at + length


def _skip_item(buffer: bytes, at: int, explicit: bool, depth: int) -> int:
    """Walk over an item of undefined length."""
    while True:
        tag, _ = _item_at(buffer, at)
        if tag == _ITEM_END:
            return at + 8
        _, _, vr, length = _head(buffer, at)
        at, length = _value_at(buffer, at, vr, length, explicit)
        at = (
            _skip_sequence(buffer, at, explicit, depth + 1) if length == _UNDEFINED else at + length
        )


def _item_at(buffer: bytes, at: int) -> tuple[int, int]:
    group, element, _, _ = _head(buffer, at)
    return group << 16 | element, _long(buffer, at + 4)[0]


def pixels_in(buffer: bytes, header: RawHeader) -> memoryview:
    """View the native pixel data of a file that was read whole and scanned.

    Raises
    ------
    UnreadableInputError
        If the file ends before its pixels do.
    """
    at = header.pixels_at or 0
    explicit = header.values[TRANSFER_SYNTAX].rstrip(b" \0") != str(ImplicitVRLittleEndian).encode()
    try:
        _, _, vr, length = _head(buffer, at)
        at, length = _value_at(buffer, at, vr, length, explicit)
    except (_NotPlainError, struct.error) as error:
        raise UnreadableInputError("the pixel data is damaged") from error
    if at + length > len(buffer):
        raise UnreadableInputError("the file is truncated within its pixels")
    return memoryview(buffer)[at : at + length]
