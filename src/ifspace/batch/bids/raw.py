"""A raw BIDS dataset: its description, its participants, and the images that are measured."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ifspace.batch.bids.names import DATATYPE, IMAGE_SUFFIXES, BidsName
from ifspace.batch.case import Person
from ifspace.batch.places import place_of
from ifspace.batch.pseudonyms import Names
from ifspace.errors import UnreadableInputError
from ifspace.tables import parse_number, read_table

_ENDINGS = (".nii.gz", ".nii")
_SEXES = {"f": "F", "female": "F", "m": "M", "male": "M", "o": "O", "other": "O"}
_LISTED = 8


@dataclass(frozen=True)
class Choice:
    """Which participants and sessions to take, by label; all where none is named."""

    participants: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name the folder of a run over this choice, so that runs of others do not disturb it."""
        if not self.participants and not self.sessions:
            return "all"
        if len(self.participants) == 1 and not self.sessions:
            return f"sub-{self.participants[0]}"
        key = json.dumps([sorted(self.participants), sorted(self.sessions)])
        return Names().study(key, "some")

    def takes(self, name: BidsName) -> bool:
        """Tell whether an image is wanted."""
        right_person = not self.participants or name.get("sub") in self.participants
        return right_person and (not self.sessions or name.get("ses") in self.sessions)


@dataclass(frozen=True)
class RawDataset:
    """What the files at the top of a raw dataset say."""

    root: Path
    description: Mapping[str, Any] = field(default_factory=dict)
    persons: Mapping[str, Person] = field(default_factory=dict)

    def person_of(self, study_key: str) -> Person | None:
        """Give what is known of the person of an image, by the key of its study."""
        name = BidsName.parse(study_key.rpartition("/")[2])
        return None if name is None else self.persons.get(f"sub-{name.get('sub')}")


def read_raw(root: Path, *, check: bool) -> RawDataset:
    """Read the description of a dataset and its table of participants.

    Parameters
    ----------
    root
        The dataset.
    check
        Whether to refuse a folder that is no raw dataset.

    Raises
    ------
    UnreadableInputError
        If it cannot be read, or is none.
    """
    description = _description(root / "dataset_description.json") if check else {}
    if description.get("DatasetType", "raw") != "raw":
        message = (
            f"the dataset is of type {description['DatasetType']}, expected raw; give the dataset"
            " that holds the images as they were acquired"
        )
        raise UnreadableInputError(message)
    table = root / "participants.tsv"
    return RawDataset(root, description, _persons(table) if table.is_file() else {})


def find_images(root: Path, choice: Choice) -> tuple[str, ...]:
    """Find the anatomical images of the chosen participants, as places below the dataset.

    Raises
    ------
    UnreadableInputError
        If a participant or session that was named has no image, or nobody has one.
    """
    found: dict[str, BidsName] = {}
    for pattern in (f"sub-*/{DATATYPE}/*", f"sub-*/ses-*/{DATATYPE}/*"):
        for path in root.glob(pattern):
            name = BidsName.parse(path.name) if path.name.lower().endswith(_ENDINGS) else None
            if name is not None and name.suffix in IMAGE_SUFFIXES:
                found[place_of(path, root)] = name
    if not found:
        message = (
            "no anatomical image was found (sub-*/anat/*_T1w.nii.gz and the like); give the folder"
            " of a BIDS dataset"
        )
        raise UnreadableInputError(message)
    chosen = {place: name for place, name in found.items() if choice.takes(name)}
    _check_labels("participant", "sub", choice.participants, found.values(), chosen.values())
    _check_labels("session", "ses", choice.sessions, found.values(), chosen.values())
    return tuple(sorted(chosen))


def _check_labels(
    word: str,
    entity: str,
    wanted: Sequence[str],
    found: Any,
    chosen: Any,
) -> None:
    there = sorted({name.get(entity) or "" for name in found} - {""})
    missing = [label for label in wanted if label not in {name.get(entity) for name in chosen}]
    if missing:
        more = ", …" if len(there) > _LISTED else ""
        message = (
            f"no image of {word} {missing[0]} was found; the dataset has"
            f" {', '.join(there[:_LISTED]) or 'none'}{more}"
        )
        raise UnreadableInputError(message)


def _description(path: Path) -> Mapping[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        message = (
            "the folder is no BIDS dataset: dataset_description.json cannot be read"
            f" ({error.strerror}); add it, or use --skip-bids-validation"
        )
        raise UnreadableInputError(message) from error
    except ValueError as error:
        message = f"dataset_description.json is not valid JSON ({error}); write it again"
        raise UnreadableInputError(message) from error
    if not isinstance(data, dict) or not data.get("BIDSVersion") or not data.get("Name"):
        message = "dataset_description.json lacks Name or BIDSVersion; add them"
        raise UnreadableInputError(message)
    return data


def _persons(path: Path) -> dict[str, Person]:
    """Read age and sex; a cell that is neither counts as not known."""
    table = read_table(path)
    table.require(["participant_id"])
    found = {}
    for row in table.rows:
        age = parse_number(row.text("age"))
        sex = _SEXES.get(row.text("sex").lower())
        if age is not None or sex is not None:
            found[row.text("participant_id")] = Person(age, sex)
    return found
