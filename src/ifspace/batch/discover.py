"""Find every study under a folder that may hold thousands, and other files.

Files are sorted by StudyInstanceUID, wherever they lie; a volume file (NIfTI, NRRD, MHA), which
names no study, is a study of its own. What was read once is remembered in the ledger, so that a
second run only asks each file for its size and time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from ifspace.batch.case import Failure, Person
from ifspace.batch.ledger import Case, FileRow, Ledger
from ifspace.batch.masks import FoundMask, Masks
from ifspace.batch.places import name_of, place_of
from ifspace.batch.pseudonyms import Names
from ifspace.batch.sessions import FoundSession, Sessions, is_session, looks_into
from ifspace.batch.shard import Shard
from ifspace.errors import UnreadableInputError
from ifspace.io.filing import VOLUME_KINDS, Filing, filing_of
from ifspace.io.sniff import FileKind
from ifspace.io.source import FoundFile, listed

# What is known of a person beside the images, by the key of the study.
PersonOf = Callable[[str], Person | None]

TWO_PATIENTS = (
    "images of two patients lie under one StudyInstanceUID; separate them and give each study its"
    " own"
)
UNUSABLE_FOLDER = "nothing in this folder can be used: {}; check its permissions, or copy it again"
# A file with such a name was meant to be an image, whatever is left of it.
_VOLUME_ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
_SLICE_ENDINGS = (".dcm", ".ima")
NO_IMAGE_LEFT = "a file is named like an image and holds none"
TWO_LABEL_MAPS = "more than one label map names this study; keep the right one"


def look_through(
    ledger: Ledger,
    root: Path,
    places: Sequence[str] | None = None,
    *,
    leave_out: Path | None = None,
) -> int:
    """Read where every file under a folder belongs, and give the number of files.

    With `places` only at those files; never at what lies in the folder `leave_out`.

    Raises
    ------
    UnreadableInputError
        If there is nothing at `root`, or it cannot be opened.
    """
    ledger.begin_files()
    count = 0
    base = base_of(root)
    if places is not None:
        for place in places:
            _look_into_file(ledger, base, base / name_of(place))
        ledger.end_files()
        return len(places)
    if root.is_file() and filing_of(root).kind is FileKind.ZIP:
        _look_into_file(ledger, base, root)
        ledger.end_files()
        return 1
    with listed(root, leave_out=leave_out) as listing:
        for file in listing.found:
            _look_into_file(ledger, base, file.path)
            count += 1
        for skipped in listing.skipped:
            if "folder cannot be read" in skipped.reason:
                row = FileRow(skipped.path, "", 0, 0, "damaged", note=skipped.reason)
                ledger.add_files(skipped.path, [row])
    ledger.end_files()
    return count


def base_of(root: Path) -> Path:
    """Give the folder that names of files are relative to."""
    return root.parent if root.is_file() else root


def _look_into_file(ledger: Ledger, base: Path, path: Path) -> None:
    place = place_of(path, base)
    try:
        status = path.stat()
    except OSError:
        # It went away while we looked: the next run will see.
        return
    if not ledger.still_there(place, status.st_size, status.st_mtime_ns):
        stamp = (status.st_size, status.st_mtime_ns)
        ledger.add_files(place, list(_rows_of(path, place, stamp)))


def _rows_of(path: Path, place: str, stamp: tuple[int, int]) -> Iterator[FileRow]:
    """Read what one file holds; an archive holds many."""
    try:
        filing = filing_of(path)
        if filing.kind is FileKind.ZIP:
            with listed(path) as listing:
                for member in listing.found:
                    yield _member_row(member, place, stamp)
            return
    except UnreadableInputError as error:
        yield FileRow(place, "", *stamp, "damaged", note=str(error))
        return
    if filing.kind is FileKind.OTHER and looks_into(path):
        kind = "session" if is_session(path) else "other"
        yield FileRow(place, "", *stamp, kind)
        return
    yield _row(filing, place, "", stamp)


def _member_row(member: FoundFile, place: str, stamp: tuple[int, int]) -> FileRow:
    try:
        return _row(filing_of(member.path), place, member.name, stamp)
    except UnreadableInputError as error:
        return FileRow(place, member.name, *stamp, "damaged", note=str(error))


def _row(filing: Filing, place: str, member: str, stamp: tuple[int, int]) -> FileRow:
    whole = f"{place}!{member}" if member else place
    lost = filing.kind in (FileKind.EMPTY, FileKind.OTHER)
    if lost and whole.lower().endswith(_SLICE_ENDINGS):
        return FileRow(place, member, *stamp, "damaged", note=NO_IMAGE_LEFT)
    lost_volume = lost and whole.lower().endswith(_VOLUME_ENDINGS)
    if not filing.is_image and not lost_volume:
        return FileRow(place, member, *stamp, "other")
    if filing.kind in VOLUME_KINDS or lost_volume:
        return FileRow(place, member, *stamp, "volume", f"file:{whole}")
    # Without a study UID nothing but the folder says what belongs together.
    uid = filing.study_uid
    key = f"uid:{uid}" if uid else f"folder:{PurePosixPath(whole).parent}"
    return FileRow(place, member, *stamp, "image", key, uid, filing.sop_uid, filing.patient_tag)


# -------------------------------------------------------------------------------------- cases


def plan_cases(
    ledger: Ledger,
    sessions: Sessions,
    masks: Masks | None,
    shard: Shard,
    *,
    names: Names,
    person_of: PersonOf,
) -> Iterator[Case]:
    """Turn what was found into cases: each study once, or once for each of its sessions."""
    volume_folders = _folders_of_volumes(ledger)
    for study_key in ledger.study_keys():
        study_id = names.study(study_key)
        if shard.holds(study_id):
            files = ledger.files_of(study_key)
            alone = volume_folders.get(_folder_of(files[0]), 0) == 1
            of_study = [] if masks is None else masks.of(files, study_id)
            yield from _cases_of_study(
                study_id,
                files,
                sessions.of(files, alone=alone),
                of_study,
                names=names,
                person=person_of(study_key),
            )
    for place, note in _damaged_folders(ledger):
        study_id = names.study(f"damaged:{place}", "f")
        if shard.holds(study_id):
            sentence = UNUSABLE_FOLDER.format(note)
            reason = Failure.UNREADABLE_INPUT.value
            yield Case(study_id, study_id, place, None, 1, None, None, note, reason, sentence)


def _stamp_of(files: list[FileRow], person: Person | None) -> list[object]:
    """Give what changes when the images, or what is known of the person, change."""
    stamp: list[object] = [[file.place, file.member, file.size, file.mtime_ns] for file in files]
    return stamp if person is None else [*stamp, [person.age_years, person.sex]]


def _cases_of_study(
    study_id: str,
    files: list[FileRow],
    sessions: list[FoundSession],
    masks: list[FoundMask],
    *,
    names: Names,
    person: Person | None,
) -> Iterator[Case]:
    first = files[0]
    tags = {file.patient_tag for file in files if file.patient_tag}
    failure = ("", "")
    if len(masks) > 1:
        failure = (Failure.LABEL_MAP_AMBIGUOUS.value, TWO_LABEL_MAPS)
    if len(tags) > 1:
        failure = (Failure.TWO_PATIENTS.value, TWO_PATIENTS)
    mask = masks[0] if len(masks) == 1 else None
    stamp = _stamp_of(files, person)
    for number, session in enumerate(sessions or [None], start=1):
        stamps = [
            None if item is None else [item.place, item.size, item.mtime_ns]
            for item in (session, mask)
        ]
        signature = hashlib.sha256(json.dumps([stamp, stamps]).encode()).hexdigest()
        case_id = study_id
        if session is not None and len(sessions) > 1:
            case_id = names.reading(study_id, session.place)
        place = None if session is None else session.place
        yield Case(
            case_id,
            study_id,
            first.study_key,
            names.uid(first.study_uid),
            number,
            place,
            None if mask is None else mask.place,
            signature,
            *failure,
        )


def _folder_of(file: FileRow) -> str:
    return str(PurePosixPath(file.place).parent)


def _folders_of_volumes(ledger: Ledger) -> dict[str, int]:
    """Count the volume files of each folder."""
    counts: dict[str, int] = {}
    for file in ledger.files_of_kind("volume"):
        counts[_folder_of(file)] = counts.get(_folder_of(file), 0) + 1
    return counts


def _damaged_folders(ledger: Ledger) -> list[tuple[str, str]]:
    """Name folders in which something is damaged and nothing belongs to a study, with one reason.

    A damaged file among good ones is left to the study: its slice is missing there, and named.
    """
    damaged: dict[str, str] = {}
    for file in ledger.files_of_kind("damaged"):
        is_folder = (file.size, file.mtime_ns, file.member) == (0, 0, "")
        folder = file.place if is_folder else _folder_of(file)
        damaged.setdefault(folder, file.note)
    if not damaged:
        return []
    good = {_folder_of(file) for kind in ("image", "volume") for file in ledger.files_of_kind(kind)}
    return sorted((folder, note) for folder, note in damaged.items() if folder not in good)
