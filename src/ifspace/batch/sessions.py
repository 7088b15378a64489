"""Which session belongs to which study: by UID, and for volume files by name.

Sessions lie in a folder of their own or anywhere beside and above the images. In a folder of their
own DICOM structured reports count as sessions, too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ifspace.batch.bids.names import session_source
from ifspace.batch.ledger import FileRow
from ifspace.batch.masks import stem_of
from ifspace.batch.places import place_of
from ifspace.dicom_out import label_of_report
from ifspace.errors import SessionError, UnreadableInputError
from ifspace.io.session import SESSION_SCHEMA
from ifspace.io.sniff import FileKind, sniff
from ifspace.io.source import walk

_SESSION_SUFFIX = ".json"
_SNIFFED_BYTES = 4096
_ANY_SCHEMA = b"ifspace-session/"
_PLAIN_NAME = "session"
_SESSION_ENDINGS = (".session.json", ".json")


@dataclass(frozen=True)
class FoundSession:
    """One session file: where it lies, and what it says it belongs to."""

    path: Path
    place: str
    size: int
    mtime_ns: int
    sha256: str
    reader: str
    study_uid: str | None


def looks_into(path: Path) -> bool:
    """Tell whether a file could be a session by its name."""
    return path.suffix.lower() == _SESSION_SUFFIX


def is_session(path: Path) -> bool:
    """Tell by its first bytes whether a JSON file is a session; side files of others are not."""
    try:
        with path.open("rb") as file:
            return _ANY_SCHEMA in file.read(_SNIFFED_BYTES)
    except OSError:
        return False


class Sessions:
    """All sessions of a run, ready to be asked for those of a study."""

    def __init__(self, found: list[FoundSession], *, beside: bool) -> None:
        self._beside = beside
        self._by_uid: dict[str, list[FoundSession]] = {}
        self._by_name: dict[str, list[FoundSession]] = {}
        for session in sorted(found, key=lambda item: (item.reader, item.place)):
            if session.study_uid is not None:
                self._by_uid.setdefault(session.study_uid, []).append(session)
            else:
                self._by_name.setdefault(self._name_of(session.place), []).append(session)

    def of(self, files: list[FileRow], *, alone: bool) -> list[FoundSession]:
        """Give the sessions of one study, by reader; each content once.

        Parameters
        ----------
        files
            The images.
        alone
            Whether a volume file is the only one in its folder: then ``session.json`` beside it
            is its session.
        """
        first = files[0]
        if first.study_uid is not None:
            found = self._by_uid.get(first.study_uid, [])
        elif first.kind == "volume":
            place = first.member or first.place
            found = list(self._by_name.get(stem_of(self._key(place)), []))
            if self._beside and alone:
                folder = PurePosixPath(first.place).parent
                found += self._by_name.get(str(folder / _PLAIN_NAME), [])
        else:
            found = []
        return list({session.sha256: session for session in reversed(found)}.values())[::-1]

    def named_otherwise(self, volumes: list[FileRow]) -> int:
        """Count the sessions that are called like none of some volume files."""
        names = {stem_of(self._key(file.member or file.place)) for file in volumes}
        return sum(len(held) for name, held in self._by_name.items() if name not in names)

    def _name_of(self, place: str) -> str:
        name = self._key(place)
        source = None if self._beside else session_source(name)
        if source is not None:
            return source
        ending = next((end for end in _SESSION_ENDINGS if name.lower().endswith(end)), "")
        return name.removesuffix(name[len(name) - len(ending) :])

    def _key(self, place: str) -> str:
        """Beside the images the folder counts, in a folder of sessions only the name does."""
        return place if self._beside else PurePosixPath(place).name


def find_sessions(folder: Path, *, leave_out: Path | None = None) -> list[FoundSession]:
    """Read every session below a folder: session files, and structured reports with marks.

    What lies in the folder `leave_out` does not count: a run writes sessions, too.

    Raises
    ------
    UnreadableInputError
        If the folder cannot be read, or holds no session.
    """
    listing = walk(folder, leave_out=leave_out)
    found = [
        look_at(file.path, folder)
        for file in listing.found
        if looks_into(file.path) and is_session(file.path)
    ]
    found += [report for file in listing.found if (report := _look_at_report(file.path, folder))]
    if not found:
        message = (
            f"the folder given with --sessions holds no session file ({SESSION_SCHEMA}) and no"
            " structured report with a length; check its path"
        )
        raise UnreadableInputError(message)
    return found


def look_at(path: Path, base: Path) -> FoundSession:
    """Read what one session file says it belongs to; whether it is sound is judged later."""
    content, data = b"", None
    try:
        status = path.stat()
        size, mtime_ns = status.st_size, status.st_mtime_ns
        content = path.read_bytes()
        data = json.loads(content)
    except OSError:
        size, mtime_ns = 0, 0
    except (ValueError, RecursionError):
        pass
    fields = data if isinstance(data, dict) else {}
    reader, uid = fields.get("reader"), fields.get("study_instance_uid")
    return FoundSession(
        path=path,
        place=place_of(path, base),
        size=size,
        mtime_ns=mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        reader=reader if isinstance(reader, str) else "",
        study_uid=uid if isinstance(uid, str) and uid else None,
    )


def is_report(path: Path) -> bool:
    """Tell whether a session is a DICOM file and no JSON."""
    try:
        return sniff(path) in (FileKind.DICOM, FileKind.BARE_DICOM)
    except OSError:
        return False


def _look_at_report(path: Path, base: Path) -> FoundSession | None:
    """Read what a structured report belongs to; nothing for any other file."""
    if not is_report(path):
        return None
    try:
        label = label_of_report(path)
        status, content = path.stat(), path.read_bytes()
    except (OSError, SessionError):
        return None
    if label is None:
        return None
    return FoundSession(
        path=path,
        place=place_of(path, base),
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        sha256=hashlib.sha256(content).hexdigest(),
        reader=label.reader,
        study_uid=label.study_uid or None,
    )
