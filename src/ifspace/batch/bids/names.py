"""File names of BIDS: taken apart, and made for what is derived from an image.

Order and spelling of the entities are those of the BIDS schema (version 1.11, rules/entities).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from ifspace.batch.ledger import Case
from ifspace.batch.masks import stem_of

ENTITIES = (
    "sub", "tpl", "ses", "cohort", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc",
    "stain", "rec", "dir", "run", "mod", "echo", "flip", "inv", "mt", "part", "proc", "hemi",
    "space", "split", "recording", "chunk", "atlas", "seg", "scale", "res", "den", "label", "desc",
)  # fmt: skip
# Images that show anatomy; parameter maps and masks lie beside them and are not measured.
IMAGE_SUFFIXES = frozenset(
    {
        "T1w", "T2w", "PDw", "T2starw", "FLAIR", "inplaneT1", "inplaneT2", "PDT2", "T2star",
        "FLASH", "PD",
    }
)  # fmt: skip
DATATYPE = "anat"
# What an image without a name of BIDS is called by: its study.
_ONLY_READING = "ifspace"
_LABEL = re.compile(r"[0-9a-zA-Z+]+")


@dataclass(frozen=True)
class BidsName:
    """A file name of BIDS without its ending: entities and a suffix."""

    entities: tuple[tuple[str, str], ...]
    suffix: str

    @classmethod
    def parse(cls, name: str) -> BidsName | None:
        """Take a name apart; nothing where it is no name of BIDS."""
        *pairs, suffix = stem_of(name).split("_")
        entities = [tuple(pair.split("-", maxsplit=1)) for pair in pairs]
        if not entities or entities[0][0] != "sub" or not _LABEL.fullmatch(suffix):
            return None
        found = []
        for entity in entities:
            if len(entity) != 2 or entity[0] not in ENTITIES or not _LABEL.fullmatch(entity[1]):
                return None
            found.append((entity[0], entity[1]))
        return cls(tuple(found), suffix)

    def get(self, entity: str) -> str | None:
        """Give the label of an entity."""
        return dict(self.entities).get(entity)

    @property
    def folder(self) -> str:
        """The folder below the dataset: of the subject, and of its session."""
        parts = [f"{key}-{self.get(key)}" for key in ("sub", "ses") if self.get(key)]
        return "/".join([*parts, DATATYPE])

    def with_entities(self, suffix: str, **labels: str) -> BidsName:
        """Add or replace entities, in the order that BIDS gives them."""
        merged = {**dict(self.entities), **labels}
        ordered = tuple((key, merged[key]) for key in ENTITIES if key in merged)
        return BidsName(ordered, suffix)

    @property
    def source(self) -> str:
        """The image that a file of ours was derived from, as it is called in the raw dataset."""
        kept = [f"{key}-{label}" for key, label in self.entities if key not in ("mod", "desc")]
        return "_".join([*kept, self.get("mod") or self.suffix])

    def __str__(self) -> str:
        """Write the name."""
        return "_".join([*(f"{key}-{label}" for key, label in self.entities), self.suffix])


def derived_name(case: Case, *, pseudonymous: bool) -> BidsName:
    """Name what comes out of a case, its suffix still to be set.

    An image with a name of BIDS hands on its entities, and its suffix as ``mod``. Any other study,
    and every one where nothing may lead back to the image, is a subject of its own, called by the
    hash that names it in the tables.
    """
    image = None if pseudonymous else BidsName.parse(PurePosixPath(case.study_key).name)
    _, _, reading = case.case_id.partition("/")
    description = reading.replace("-", "") or _ONLY_READING
    if image is None:
        subject = BidsName((("sub", case.study_id.replace("-", "")),), "")
        return subject.with_entities("", desc=description)
    return image.with_entities("", mod=image.suffix, desc=description)


def session_source(name: str) -> str | None:
    """Give the image that a session of an earlier run was derived from, by the session's name."""
    derived = BidsName.parse(PurePosixPath(name).stem)
    if derived is None or derived.suffix != "session" or derived.get("mod") is None:
        return None
    return derived.source
