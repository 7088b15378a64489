"""Read and check the headers of NIfTI, NRRD and MetaImage files before a native library does.

Whatever the header announces has to be plausible for one grey volume and has to lie in the file
itself. The geometry is read by SimpleITK afterwards; here it has to be numbers.
"""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from ifspace.errors import UnreadableInputError
from ifspace.io.limits import check_voxels, swells
from ifspace.io.sniff import FileKind, gzip_head
from ifspace.safe_paths import below

_ENDINGS = {
    FileKind.NIFTI: (".nii", ".nii.gz"),
    FileKind.NRRD: (".nrrd",),
    FileKind.MHA: (".mha",),
}
_HEADER_BYTES = 65_536
# Names of segments may be long; what the format itself defines is short.
_VALUE_LETTERS = 1024
_MOST_DIMENSIONS = 8
# How much better than raw an encoding can be: deflate at most 1032 to 1, one digit for 8 bytes.
_RAW, _TEXT, _PACKED = 1, 4, 1032
_NIFTI_BYTES = {2: 1, 4: 2, 8: 4, 16: 4, 64: 8, 256: 1, 512: 2, 768: 4, 1024: 8, 1280: 8}
_MHA_BYTES = {
    "MET_CHAR": 1, "MET_UCHAR": 1, "MET_SHORT": 2, "MET_USHORT": 2, "MET_INT": 4, "MET_UINT": 4,
    "MET_LONG": 8, "MET_ULONG": 8, "MET_LONG_LONG": 8, "MET_ULONG_LONG": 8, "MET_FLOAT": 4,
    "MET_DOUBLE": 8,
}  # fmt: skip
_NRRD_BYTES = {
    name: count
    for count, names in (
        (1, "signed char|int8|int8_t|uchar|unsigned char|uint8|uint8_t"),
        (2, "short|short int|signed short|signed short int|int16|int16_t"),
        (2, "ushort|unsigned short|unsigned short int|uint16|uint16_t"),
        (4, "int|signed int|int32|int32_t|uint|unsigned int|uint32|uint32_t|float"),
        (8, "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t"),
        (8, "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t|double"),
    )
    for name in names.split("|")
}
_NRRD_ENCODINGS = {
    "raw": _RAW, "gzip": _PACKED, "gz": _PACKED, "bzip2": _PACKED, "bz2": _PACKED,
    "ascii": _TEXT, "text": _TEXT, "txt": _TEXT, "hex": _TEXT,
}  # fmt: skip
_ELSEWHERE = "the voxels lie in another file; convert it to a single file"


@dataclass(frozen=True)
class VolumeHeader:
    """What a header announces.

    Attributes
    ----------
    voxel_bytes
        Bytes of all voxels, unpacked.
    directed
        Whether it says which way its axes point; without that there is no left side.
    """

    voxel_bytes: int
    directed: bool


def check_volume_header(path: Path, kind: FileKind, *, beside: bool = False) -> VolumeHeader:
    """Check the header of a volume file.

    Parameters
    ----------
    path, kind
        The file, and what its first bytes say.
    beside
        Whether the voxels of a MetaImage may lie in a file beside it (``.mhd``).

    Raises
    ------
    UnreadableInputError
        If it is damaged, asks for more than the file holds, is no single grey volume, or names
        another file.
    """
    endings = (*_ENDINGS[kind], ".mhd") if beside and kind is FileKind.MHA else _ENDINGS[kind]
    if not path.name.lower().endswith(endings):
        raise UnreadableInputError(
            f"{kind.value} content needs a name that ends in {' or '.join(endings)}"
        )
    try:
        head, size = gzip_head(path, _HEADER_BYTES), path.stat().st_size
        if kind is FileKind.NIFTI:
            with path.open("rb") as stream:
                packed = stream.read(2) == b"\x1f\x8b"
            return _nifti(head, size, _PACKED if packed else _RAW)
        if kind is FileKind.NRRD:
            return _nrrd(head, size)
        return _mha(head, size, path.parent if beside else None)
    except OSError as error:
        raise UnreadableInputError("damaged gzip stream, or not to be read") from error
    except (ValueError, KeyError, struct.error) as error:
        raise UnreadableInputError("damaged header: its numbers or words are none") from error


def _checked(shape: tuple[int, ...], value_bytes: int, room_bytes: int, ratio: int) -> int:
    """Hold what is announced against what the file has room for; gives the bytes of all voxels."""
    if not 2 <= len(shape) <= _MOST_DIMENSIONS or min(shape) < 1:
        raise UnreadableInputError("damaged header: its dimensions are none")
    check_voxels(math.prod(shape))
    if len(shape) < 3 or max(shape[3:], default=1) > 1:
        raise UnreadableInputError(
            f"{len(shape)} dimensions and 1 values per voxel; one grey volume is expected"
        )
    voxel_bytes = math.prod(shape) * value_bytes
    if voxel_bytes > room_bytes * ratio:
        raise UnreadableInputError("damaged or truncated: the file ends before its voxels do")
    if swells(voxel_bytes, room_bytes):
        raise UnreadableInputError("it unpacks to far more than images pack; not opened")
    return voxel_bytes


def _numbers(text: str) -> list[float]:
    """Read finite numbers."""
    numbers = [float(word) for word in text.split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(text)
    return numbers


# ------------------------------------------------------------------------------------- NIfTI


def _nifti(head: bytes, size: int, ratio: int) -> VolumeHeader:
    """Check a NIfTI-1 header."""
    if head[4:8] == b"n+2\0":
        raise UnreadableInputError("NIfTI-2, which is not read; save it as NIfTI-1")
    order = "<" if int.from_bytes(head[:4], "little") == 348 else ">"
    dim = struct.unpack_from(f"{order}8h", head, 40)
    kind, bits = struct.unpack_from(f"{order}hh", head, 70)
    pixdim = struct.unpack_from(f"{order}8f", head, 76)
    (begin,) = struct.unpack_from(f"{order}f", head, 108)
    forms = struct.unpack_from(f"{order}2h", head, 252)
    affine = struct.unpack_from(f"{order}18f", head, 256)
    if not 1 <= dim[0] <= 7 or _NIFTI_BYTES[kind] * 8 != bits:
        raise ValueError("dimensions or type")
    # Scaling may be NaN, which says that there is none; a form of code 0 is not there.
    used = (begin, *pixdim[: dim[0] + 1])
    used += (affine[:6] if forms[0] > 0 else ()) + (affine[6:] if forms[1] > 0 else ())
    if not all(map(math.isfinite, used)) or not 0 <= begin <= 2**31:
        raise ValueError("not finite")
    room_bytes = size if ratio == _PACKED else size - int(begin)
    voxel_bytes = _checked(tuple(dim[1 : dim[0] + 1]), bits // 8, room_bytes, ratio)
    return VolumeHeader(voxel_bytes, max(forms) > 0)


# -------------------------------------------------------------------------------------- NRRD


def _nrrd(head: bytes, size: int) -> VolumeHeader:
    """Check an NRRD header (format NRRD0001 to NRRD0006)."""
    end = re.search(rb"\r?\n\r?\n", head)
    if end is None:
        raise UnreadableInputError("damaged header: it does not end")
    fields: dict[str, str] = {}
    for line in head[: end.start()].decode("utf-8", "replace").splitlines()[1:]:
        name, colon, value = line.partition(":")
        if line.startswith("#") or value.startswith("="):
            continue
        name = name.strip().lower()
        if not colon or name in fields or len(value) > _VALUE_LETTERS:
            raise ValueError(name)
        fields[name] = value.strip()
    if "data file" in fields or "datafile" in fields:
        raise UnreadableInputError(_ELSEWHERE)
    if _skips(fields):
        raise UnreadableInputError("parts of the voxels are to be skipped; write the file anew")
    kind = fields["type"].lower()
    value_bytes = _NRRD_BYTES[kind]
    shape = tuple(int(word) for word in fields["sizes"].split())
    if len(shape) != int(fields["dimension"]):
        raise ValueError("sizes")
    _check_nrrd_axes(fields, len(shape))
    ratio = _NRRD_ENCODINGS[fields["encoding"].lower()]
    voxel_bytes = _checked(shape, value_bytes, size - end.end(), ratio)
    return VolumeHeader(voxel_bytes, "space" in fields and "space directions" in fields)


def _skips(fields: dict[str, str]) -> bool:
    names = ("line skip", "lineskip", "byte skip", "byteskip")
    return any(int(fields.get(name, "0")) != 0 for name in names)


def _check_nrrd_axes(fields: dict[str, str], dimensions: int) -> None:
    """Check that the axes are numbers, as many as there are axes."""
    for name in ("space directions", "space origin"):
        vectors = re.findall(r"\([^()]*\)|none", fields.get(name, ""))
        expected = dimensions if name == "space directions" else 1
        if name in fields and len(vectors) != expected:
            raise ValueError(name)
        for vector in vectors:
            if vector != "none" and len(_numbers(vector.strip("()").replace(",", " "))) != 3:
                raise ValueError(name)
    for name in ("spacings", "thicknesses", "axis mins", "axis maxs", "axismins", "axismaxs"):
        # A value that is not known is NaN.
        if name in fields and len([float(word) for word in fields[name].split()]) != dimensions:
            raise ValueError(name)


# --------------------------------------------------------------------------------- MetaImage


def _mha(head: bytes, size: int, folder: Path | None) -> VolumeHeader:
    """Check a MetaImage header; `folder` is where the voxels may lie beside it."""
    end = re.search(rb"(?im)^ElementDataFile[^\n]*\n?", head)
    if end is None:
        raise UnreadableInputError("damaged header: it does not end")
    fields: dict[str, str] = {}
    for line in head[: end.end()].decode("latin-1").splitlines():
        name, equals, value = line.partition("=")
        name = name.strip().lower()
        if not line.strip():
            continue
        if not equals or name in fields or len(value) > _VALUE_LETTERS:
            raise ValueError(name)
        fields[name] = value.strip()
    dimensions = int(fields["ndims"])
    shape = tuple(int(word) for word in fields["dimsize"].split())
    if not 1 <= dimensions <= _MOST_DIMENSIONS or len(shape) != dimensions:
        raise ValueError("NDims")
    _check_mha_axes(fields, dimensions)
    if int(fields.get("elementnumberofchannels", "1")) != 1:
        raise UnreadableInputError("several values per voxel; one grey volume is expected")
    if fields.get("binarydata", "true").lower() != "true":
        raise UnreadableInputError("the voxels are written as text; write the file anew")
    if int(fields.get("headersize", "0")) not in (0, -1):
        raise UnreadableInputError("parts of the voxels are to be skipped; write the file anew")
    room_bytes = _room_bytes(fields["elementdatafile"], size - end.end(), folder)
    packed = fields.get("compresseddata", "false").lower() == "true"
    if packed and int(fields.get("compresseddatasize", "0")) > room_bytes:
        raise UnreadableInputError("damaged or truncated: the file ends before its voxels do")
    value_bytes = _MHA_BYTES[fields["elementtype"]]
    voxel_bytes = _checked(shape, value_bytes, room_bytes, _PACKED if packed else _RAW)
    directed = any(name in fields for name in ("transformmatrix", "orientation", "rotation"))
    return VolumeHeader(voxel_bytes, directed)


def _room_bytes(data_file: str, behind_bytes: int, folder: Path | None) -> int:
    """Tell how many bytes there are for voxels: behind the header, or in the file beside it."""
    if data_file == "LOCAL":
        return behind_bytes
    if folder is None:
        raise UnreadableInputError(_ELSEWHERE)
    place = below(folder, data_file)
    if not place.is_file():
        raise UnreadableInputError("the file with its voxels is not beside it")
    return place.stat().st_size


def _check_mha_axes(fields: dict[str, str], dimensions: int) -> None:
    """Check that the axes are numbers, as many as there are axes."""
    for names, expected in (
        (("elementspacing", "elementsize", "offset", "position", "origin", "centerofrotation"), 1),
        (("transformmatrix", "orientation", "rotation"), dimensions),
    ):
        for name in names:
            if name in fields and len(_numbers(fields[name])) != expected * dimensions:
                raise ValueError(name)
