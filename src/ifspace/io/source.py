"""Which files there are: a folder of anything, one file, a ZIP archive or a DICOMDIR.

Says what lies where and what was left out, and opens nothing but directories of content. Paths
are handed on as found, relative to what the user gave; they are never logged, for a file name
can hold a patient's name.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydicom.config import disable_value_validation
from pydicom.multival import MultiValue
from pydicom.uid import MediaStorageDirectoryStorage

from ifspace.errors import UnreadableInputError
from ifspace.io.archive import unpack
from ifspace.io.elements import file_meta, read_dataset
from ifspace.io.sniff import FileKind, kind_of, sniff
from ifspace.io.values import items_of, refused_as, text
from ifspace.safe_paths import is_plain_name

# A disc image of one study comes with a few texts; a folder with more files is no parcel.
MOST_BESIDE_ARCHIVE = 16
_HEAD_BYTES = 4096
_MEDIA_CLASS = 0x00020002


@dataclass(frozen=True)
class FoundFile:
    """One file to look into: where it lies now, and its name as the user knows it."""

    path: Path
    name: str


@dataclass(frozen=True)
class SkippedFile:
    """One file or folder that was not used: its path as found, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The files of one input."""

    found: tuple[FoundFile, ...]
    skipped: tuple[SkippedFile, ...]


@contextmanager
def listed(path: Path, *, leave_out: Path | None = None) -> Iterator[Listing]:
    """List the files of a folder, a file, a ZIP archive or a DICOMDIR.

    A folder that holds one archive, and no image beside it, is read like that archive.

    An archive is unpacked into a temporary folder that lives as long as the context. What lies in
    the folder `leave_out` is not listed, wherever a link leads into it.

    Raises
    ------
    UnreadableInputError
        If there is nothing at `path`, or it cannot be opened.
    UnsafeArchiveError
        If an archive is encrypted, asks for too much room or names paths outside itself.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        message = f"The input cannot be opened ({error.strerror}); check the path."
        raise UnreadableInputError(message) from error
    if stat.S_ISDIR(mode):
        listing = walk(path, leave_out=leave_out)
        archive = _only_archive(listing)
        if archive is None:
            yield listing
            return
        with _unpacked(archive.path) as inside:
            others = tuple(file for file in listing.found if file is not archive)
            yield Listing((*inside.found, *others), (*inside.skipped, *listing.skipped))
    elif not stat.S_ISREG(mode):
        message = "The input is neither a file nor a folder; give a file, a folder or a ZIP."
        raise UnreadableInputError(message)
    elif _kind_of_input(path) is FileKind.ZIP:
        with _unpacked(path) as inside:
            yield inside
    elif is_dicomdir(path):
        yield follow_dicomdir(path)
    else:
        yield Listing((FoundFile(path, path.name),), ())


@contextmanager
def _unpacked(path: Path) -> Iterator[Listing]:
    """Unpack an archive for as long as the context lives."""
    with TemporaryDirectory(prefix="ifspace-") as room:
        found, skipped = unpack(path, Path(room))
        yield Listing(
            tuple(FoundFile(place, name) for place, name in found),
            tuple(SkippedFile(name, reason) for name, reason in skipped),
        )


def _only_archive(listing: Listing) -> FoundFile | None:
    """Find the one archive of a folder that holds one, with nothing but texts beside it."""
    if len(listing.found) > MOST_BESIDE_ARCHIVE:
        return None
    archives = []
    for file in listing.found:
        try:
            kind = sniff(file.path)
        except OSError:
            continue
        if kind is FileKind.ZIP:
            archives.append(file)
        elif kind not in (FileKind.OTHER, FileKind.EMPTY):
            return None
    return archives[0] if len(archives) == 1 else None


def _kind_of_input(path: Path) -> FileKind:
    """Sniff the one file that was given; here an unreadable file ends the run."""
    try:
        return sniff(path)
    except OSError as error:
        message = f"The input cannot be read ({error.strerror}); check its permissions."
        raise UnreadableInputError(message) from error


def walk(root: Path, *, leave_out: Path | None = None) -> Listing:
    """List every regular file under a folder, in a stable order, each folder once.

    Links to folders are followed, but no folder is entered twice, so a circle of links ends. What
    lies in the folder `leave_out` is not listed, wherever a link leads into it.

    Raises
    ------
    UnreadableInputError
        If the folder itself cannot be read, or holds nothing.
    """
    left_out = None if leave_out is None else Path(os.path.realpath(leave_out))
    found: list[FoundFile] = []
    skipped: list[SkippedFile] = []
    seen: set[tuple[int, int]] = set()
    waiting = [(root, "")]
    while waiting:
        folder, prefix = waiting.pop()
        try:
            status = folder.stat()
            if (status.st_dev, status.st_ino) in seen:
                skipped.append(SkippedFile(prefix, "link to a folder that was already read"))
                continue
            seen.add((status.st_dev, status.st_ino))
            with os.scandir(folder) as entries:
                children = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            if folder is root:
                message = f"The folder cannot be read ({error.strerror}); check its permissions."
                raise UnreadableInputError(message) from error
            skipped.append(SkippedFile(prefix, f"folder cannot be read ({error.strerror})"))
            continue
        folders: list[tuple[Path, str]] = []
        for entry in children:
            name = f"{prefix}/{entry.name}" if prefix else entry.name
            if left_out is not None and _lies_in(entry, left_out):
                reason: str | None = "lies in the output folder"
            else:
                reason = _place(entry, name, folders, found)
            if reason:
                skipped.append(SkippedFile(_printable(name), reason))
        waiting.extend(reversed(folders))
    if not found and not skipped:
        message = "The folder is empty; give the folder that holds the images."
        raise UnreadableInputError(message)
    return Listing(tuple(found), tuple(skipped))


def _lies_in(entry: os.DirEntry[str], folder: Path) -> bool:
    """Tell whether a directory entry is a folder, or a link that leads to it or below it."""
    try:
        if entry.is_symlink():
            return Path(os.path.realpath(entry.path)).is_relative_to(folder)
        return entry.is_dir() and Path(entry.path).samefile(folder)
    except OSError:
        return False


def _place(
    entry: os.DirEntry[str], name: str, folders: list[tuple[Path, str]], found: list[FoundFile]
) -> str | None:
    """Put one directory entry where it belongs, or tell why it belongs nowhere."""
    try:
        if entry.is_dir():
            folders.append((Path(entry.path), name))
            return None
        if entry.is_file():
            found.append(FoundFile(Path(entry.path), _printable(name)))
            return None
    except OSError as error:
        return f"cannot be opened ({error.strerror})"
    # Opening a pipe would wait for ever.
    return "link to nothing" if entry.is_symlink() else "not a regular file"


def _printable(name: str) -> str:
    """Make a file name of undecodable bytes fit for JSON and a terminal."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def is_dicomdir(path: Path) -> bool:
    """Tell whether a file is a DICOMDIR, by its content."""
    try:
        with path.open("rb", buffering=0) as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return False
    if kind_of(head) is not FileKind.DICOM:
        return False
    return text(file_meta(head), _MEDIA_CLASS) == MediaStorageDirectoryStorage


def follow_dicomdir(path: Path) -> Listing:
    """List the files that a DICOMDIR names, never one outside its own folder.

    Raises
    ------
    UnreadableInputError
        If the DICOMDIR is broken or names no file.
    """
    message = "The DICOMDIR is damaged; give the folder that holds the images instead."
    with disable_value_validation(), refused_as(message):
        records = items_of(read_dataset(path, pixels=False), "DirectoryRecordSequence")
        references = [record.get("ReferencedFileID") for record in records]
    root = path.parent.resolve()
    found: list[FoundFile] = []
    skipped: list[SkippedFile] = []
    for reference in references:
        if reference is None or reference == "":
            continue
        several = reference if isinstance(reference, (list, MultiValue)) else [reference]
        parts = [str(part) for part in several]
        name = "/".join(parts)
        target, reason = _inside(root, parts)
        if target is None:
            skipped.append(SkippedFile(_printable(name), reason))
        else:
            found.append(FoundFile(target, _printable(name)))
    if not found and not skipped:
        message = "The DICOMDIR names no images; give the folder that holds them instead."
        raise UnreadableInputError(message)
    return Listing(tuple(dict.fromkeys(found)), tuple(skipped))


def _inside(root: Path, parts: list[str]) -> tuple[Path | None, str]:
    """Find the file a DICOMDIR means, in whatever case it was copied, but only inside `root`."""
    if not all(is_plain_name(part) for part in parts):
        return None, "named by the DICOMDIR but outside its folder"
    place = root
    for part in parts:
        child = place / part
        try:
            if not child.exists():
                # Discs are written in capitals and copied in small letters.
                names = [item for item in place.iterdir() if item.name.lower() == part.lower()]
                child = min(names, default=child)
        except (OSError, ValueError):
            return None, "named by the DICOMDIR but missing"
        place = child
    try:
        if not place.resolve().is_relative_to(root):
            return None, "named by the DICOMDIR but outside its folder"
        if not place.is_file():
            return None, "named by the DICOMDIR but missing"
    except (OSError, RuntimeError, ValueError):
        return None, "named by the DICOMDIR but missing"
    return place, ""
