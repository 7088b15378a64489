"""What a compressed image says of its own size, before a decoder believes it.

JPEG and JPEG-LS: ISO/IEC 10918-1 B.2.2 and 14495-1 C.2.2; JPEG 2000: ISO/IEC 15444-1 A.5.1.
"""

from __future__ import annotations

import struct

from ifspace.errors import UnreadableInputError

_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_START = b"\xff\xd8"
# JPEG 2000 may be wrapped in boxes, which are short.
_J2K_WRAP_BYTES = 4096
# Start of frame: 0xC0 to 0xCF but for tables, and that of JPEG-LS.
_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
# Incompressible noise grows by a few per cent; RLE at worst to about twice, and by its header.
_MOST_GROWTH, _MOST_EXTRA_BYTES = 2, 65_536


def check_codestream(frame: bytes, rows: int, columns: int, pixel_bytes: int) -> None:
    """Refuse a compressed frame that is not of the size that the header gives.

    Raises
    ------
    UnreadableInputError
        If it is larger than it can be, or says another size of itself.
    """
    if len(frame) > _MOST_GROWTH * rows * columns * pixel_bytes + _MOST_EXTRA_BYTES:
        raise UnreadableInputError("the compressed image is larger than the image itself")
    try:
        found = _size_in(frame)
    except struct.error as error:
        raise UnreadableInputError("the compressed image is cut") from error
    if found is not None and found != (rows, columns, 1):
        raise UnreadableInputError(
            f"the compressed image is {found[0]} x {found[1]} with {found[2]} values per pixel, the"
            f" header says {rows} x {columns} and 1"
        )


def _size_in(frame: bytes) -> tuple[int, int, int] | None:
    """Read rows, columns and values per pixel; nothing where the format does not say (RLE)."""
    at = frame.find(_J2K_START, 0, _J2K_WRAP_BYTES)
    if at >= 0:
        right, bottom, left, top = struct.unpack_from(">4I", frame, at + 8)
        return bottom - top, right - left, struct.unpack_from(">H", frame, at + 40)[0]
    return _jpeg_size(frame) if frame.startswith(_JPEG_START) else None


def _jpeg_size(frame: bytes) -> tuple[int, int, int]:
    """Walk the marker segments to the start of frame."""
    at = 2
    while True:
        marker, kind, length = struct.unpack_from(">BBH", frame, at)
        if marker != 0xFF:
            raise UnreadableInputError("the compressed image is damaged")
        if kind in _FRAME_MARKERS:
            rows, columns, values = struct.unpack_from(">HHB", frame, at + 5)
            return rows, columns, values
        # Markers may be preceded by fill bytes.
        at += 1 if kind == 0xFF else 2 + length
