"""Which label map belongs to which study: by UID inside a DICOM SEG, by name for volume files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ifspace.batch.ledger import FileRow
from ifspace.batch.places import place_of
from ifspace.errors import UnreadableInputError
from ifspace.io.filing import VOLUME_KINDS, filing_of
from ifspace.io.source import walk

_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".mha", ".mhd")


@dataclass(frozen=True)
class FoundMask:
    """One label map: its place below the folder of masks, and its stamp."""

    place: str
    size: int
    mtime_ns: int


class Masks:
    """All label maps of a run, by study."""

    def __init__(self, by_name: dict[str, list[FoundMask]]) -> None:
        self._by_name = by_name

    def of(self, files: list[FileRow], study_id: str) -> list[FoundMask]:
        """Give the label maps that name a study: by its UID, its name in the tables or its file."""
        first = files[0]
        names = {study_id, first.study_uid or ""}
        if first.kind == "volume":
            names.add(stem_of(PurePosixPath(first.member or first.place).name))
        found = {mask.place: mask for name in names for mask in self._by_name.get(name, [])}
        return [found[place] for place in sorted(found)]


def find_masks(folder: Path, *, leave_out: Path | None = None) -> Masks:
    """Look at every label map below a folder.

    A file stands for the study that its name (without ending), its folder or, for a DICOM SEG, its
    StudyInstanceUID names. What lies in the folder `leave_out` does not count.

    Raises
    ------
    UnreadableInputError
        If the folder cannot be read, or holds no label map.
    """
    by_name: dict[str, list[FoundMask]] = {}
    for file in walk(folder, leave_out=leave_out).found:
        try:
            filing = filing_of(file.path)
            status = file.path.stat()
        except (OSError, UnreadableInputError):
            continue
        if not filing.is_image or not (filing.study_uid or filing.kind in VOLUME_KINDS):
            continue
        mask = FoundMask(place_of(file.path, folder), status.st_size, status.st_mtime_ns)
        place = PurePosixPath(mask.place)
        names = {filing.study_uid} if filing.study_uid else {stem_of(place.name), place.parent.name}
        for name in names - {""}:
            by_name.setdefault(name, []).append(mask)
    if not by_name:
        message = "the folder given with --masks holds no label map; check its path"
        raise UnreadableInputError(message)
    return Masks(by_name)


def stem_of(name: str) -> str:
    """Give the name of a volume file without its ending."""
    for ending in _ENDINGS:
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return name
