"""Unpack a ZIP archive that may be hostile.

Nothing an archive says is believed: names are checked and then replaced by numbers, sizes are
counted while writing, links are not made.
"""

from __future__ import annotations

import shutil
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from ifspace.errors import UnreadableInputError, UnsafeArchiveError
from ifspace.io.limits import MAX_RATIO, limit, swells
from ifspace.safe_paths import below, leads_outside

# A large MR study has some 5000 files and 3 GB; both limits leave room for ten of them.
MAX_FILES = limit("MAX_ZIP_FILES", 50_000)
MAX_BYTES = limit("MAX_ZIP_GB", 32) * 2**30
_CHUNK_BYTES = 2**20

_ENCRYPTED = 0x1
# SimpleITK's readers look at the ending; nothing else of a member's name survives.
_KEPT_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha")
# What zipfile is known to raise on damaged archives.
_DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ArithmeticError, EOFError, LookupError,
    NotImplementedError, OSError, RuntimeError, ValueError,
)  # fmt: skip

Unpacked = tuple[list[tuple[Path, str]], list[tuple[str, str]]]


def unpack(path: Path, room: Path) -> Unpacked:
    """Unpack an archive into a folder of our own.

    Parameters
    ----------
    path
        The archive.
    room
        An empty folder; nothing is written outside it.

    Returns
    -------
    (place, name) of every file that was unpacked, and (name, reason) of every one that was not.

    Raises
    ------
    UnsafeArchiveError
        If the archive is encrypted, asks for too much room or names paths outside itself.
    UnreadableInputError
        If it is damaged as a whole.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [item for item in archive.infolist() if not item.is_dir()]
            _inspect(members, path.stat().st_size, shutil.disk_usage(room).free)
            return _write(archive, members, room)
    except _DAMAGED as error:
        message = "The ZIP archive is damaged; make it again or give the unpacked folder."
        raise UnreadableInputError(message) from error


def _inspect(members: list[zipfile.ZipInfo], packed_bytes: int, free_bytes: int) -> None:
    """Refuse an archive by its table of contents, before anything is written."""
    if len(members) > MAX_FILES:
        message = f"The ZIP archive holds {len(members)} files, at most {MAX_FILES} are read."
        raise UnsafeArchiveError(message)
    if any(item.flag_bits & _ENCRYPTED for item in members):
        message = "The ZIP archive is encrypted; unpack it with its password and give the folder."
        raise UnsafeArchiveError(message)
    if any(leads_outside(item.filename) for item in members):
        message = "The ZIP archive names paths outside itself; it is not opened."
        raise UnsafeArchiveError(message)
    _check_size(sum(item.file_size for item in members), packed_bytes, free_bytes)


def _ending(name: str) -> str:
    """Give the ending of a member that a reader needs to see."""
    return next((end for end in _KEPT_ENDINGS if name.lower().endswith(end)), "")


def _check_size(unpacked_bytes: int, packed_bytes: int, free_bytes: int) -> None:
    """Refuse an archive that is, or becomes, larger than it may."""
    if unpacked_bytes > MAX_BYTES:
        message = f"The ZIP archive unpacks to more than {MAX_BYTES // 2**30} GB; it is not opened."
        raise UnsafeArchiveError(message)
    if swells(unpacked_bytes, packed_bytes):
        message = (
            f"The ZIP archive unpacks to more than {MAX_RATIO} times its size, which no images do; "
            "it is not opened."
        )
        raise UnsafeArchiveError(message)
    if unpacked_bytes > free_bytes:
        message = (
            f"The ZIP archive needs {unpacked_bytes // 2**20} MB of temporary room and "
            f"{free_bytes // 2**20} MB are free; free some or set TMPDIR."
        )
        raise UnsafeArchiveError(message)


def _write(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], room: Path) -> Unpacked:
    """Write every member under a number, counting the bytes that really come out."""
    packed_bytes = Path(str(archive.filename)).stat().st_size
    free_bytes = shutil.disk_usage(room).free
    found: list[tuple[Path, str]] = []
    skipped: list[tuple[str, str]] = []
    written_bytes = 0
    for number, item in enumerate(members):
        if stat.S_ISLNK(item.external_attr >> 16):
            skipped.append((item.filename, "a link inside an archive"))
            continue
        place = below(room, f"{number:06d}{_ending(item.filename)}")
        try:
            with archive.open(item) as packed, place.open("wb") as unpacked:
                while chunk := packed.read(_CHUNK_BYTES):
                    written_bytes += len(chunk)
                    _check_size(written_bytes, packed_bytes, free_bytes)
                    unpacked.write(chunk)
        except _DAMAGED:
            place.unlink(missing_ok=True)
            skipped.append((item.filename, "damaged inside the archive"))
            continue
        found.append((place, item.filename))
    return found, skipped
