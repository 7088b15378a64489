"""What goes over the network: files to send, questions to ask, and what came of each."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydicom.config import disable_value_validation
from pydicom.uid import UID

from ifspace.errors import NetworkError, UnreadableInputError
from ifspace.io.elements import read_dataset
from ifspace.io.sniff import FileKind, sniff
from ifspace.io.values import refused_as
from ifspace.safe_paths import is_uid


class Level(StrEnum):
    """What a search finds."""

    PATIENT = "patient"
    STUDY = "study"
    SERIES = "series"


# The attributes that are asked for at each level (PS3.4 C.6.1.1, C.6.2.1).
RETURNED: Mapping[Level, tuple[str, ...]] = {
    Level.PATIENT: ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"),
    Level.STUDY: (
        "PatientID",
        "PatientName",
        "StudyInstanceUID",
        "StudyDate",
        "StudyDescription",
        "AccessionNumber",
        "ModalitiesInStudy",
    ),
    Level.SERIES: (
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "Modality",
        "SeriesNumber",
        "SeriesDescription",
        "NumberOfSeriesRelatedInstances",
    ),
}


@dataclass(frozen=True)
class Query:
    """What to look for: attributes by DICOM keyword, with ``*`` and ``?`` where DICOM allows."""

    level: Level
    filters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a series search without its study, which servers answer differently."""
        if self.level is Level.SERIES and not self.filters.get("StudyInstanceUID"):
            message = "a search for series needs the StudyInstanceUID; search for studies first"
            raise NetworkError(message)


@dataclass(frozen=True)
class ToSend:
    """One file to send."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    sha256: str
    size: int
    study_uid: str
    series_uid: str

    @property
    def sop_class_name(self) -> str:
        """Name the kind of object."""
        return UID(self.sop_class_uid).name


class SendStatus(StrEnum):
    """What came of one object."""

    SENT = "sent"
    SENT_BEFORE = "sent_before"
    FAILED = "failed"
    PLANNED = "planned"


@dataclass(frozen=True)
class SendOutcome:
    """What came of one object, and why."""

    item: ToSend
    status: SendStatus
    detail: str = ""


@dataclass(frozen=True)
class Received:
    """What a retrieval brought."""

    paths: tuple[Path, ...]
    failed: int
    detail: str = ""


def files_to_send(paths: Iterable[Path]) -> tuple[ToSend, ...]:
    """List the DICOM files among files and folders, each object once.

    Raises
    ------
    NetworkError
        If nothing there is DICOM, a named file is none, or two files claim to be one object.
    """
    found: dict[str, ToSend] = {}
    for path, named in _files(paths):
        item = _inspect(path, named=named)
        if item is None:
            continue
        other = found.setdefault(item.sop_instance_uid, item)
        if other.sha256 != item.sha256:
            message = f"{other.path.name} and {item.path.name} differ, but are the same object"
            raise NetworkError(message)
    if not found:
        message = "there is no DICOM file to send; name files or folders that hold some"
        raise NetworkError(message)
    return tuple(found.values())


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    for path in paths:
        if path.is_dir():
            yield from ((item, False) for item in sorted(path.rglob("*")) if item.is_file())
        else:
            yield path, True


def _inspect(path: Path, *, named: bool) -> ToSend | None:
    """Read what the network needs to know of a file; a named one has to be DICOM."""
    try:
        if sniff(path) is FileKind.DICOM:
            item = _to_send(path)
        elif named:
            raise NetworkError(f"{path.name} is not a DICOM file; name one that is")
        else:
            return None
    except UnreadableInputError as error:
        message = f"{path.name} cannot be sent: {error}; name sound DICOM files, or take it away"
        raise NetworkError(message) from error
    except OSError as error:
        message = f"{path.name} cannot be read ({error.strerror}); check its path"
        raise NetworkError(message) from error
    return item


def _to_send(path: Path) -> ToSend:
    with disable_value_validation(), refused_as("damaged or truncated"):
        dataset = read_dataset(path, pixels=False)
        meta, content = dataset.file_meta, path.read_bytes()
        item = ToSend(
            path,
            str(meta.MediaStorageSOPClassUID),
            str(meta.MediaStorageSOPInstanceUID),
            str(meta.TransferSyntaxUID),
            hashlib.sha256(content).hexdigest(),
            len(content),
            str(dataset.get("StudyInstanceUID", "")),
            str(dataset.get("SeriesInstanceUID", "")),
        )
        same = str(dataset.SOPInstanceUID) == item.sop_instance_uid and "SOPClassUID" in dataset
    if not (same and is_uid(item.sop_class_uid) and is_uid(item.sop_instance_uid)):
        raise UnreadableInputError("its UIDs are none, or contradict each other")
    return item
