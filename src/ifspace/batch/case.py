"""Jobs and outcomes that a batch exchanges with its workers, as JSON."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ifspace.batch.pseudonyms import fingerprint_of
from ifspace.codec import from_text, text_of
from ifspace.evidence import evidence_sha256
from ifspace.export import ALL_FORMATS
from ifspace.model import SIDES_AS_SEEN, Side
from ifspace.safe_paths import plain_name
from ifspace.version import __version__
from ifspace.workflow import Settings

# The folder of all cases below the output folder.
STUDIES_FOLDER = "studies"
# Everything but DICOM objects: those carry the time at which they were made (PS3.3 C.12.1), so
# two runs would differ in every byte that matters to nobody.
DEFAULT_FORMATS = ("json", "session", "csv", "pdf", "png", "slicer", "manifest")


class Status(StrEnum):
    """How a case ended."""

    MEASURED = "measured"
    PARTLY = "partly_measured"
    NOT_MEASURED = "not_measured"
    FAILED = "failed"


class Failure(StrEnum):
    """Why a whole study has no result. A closed list: programs match on it."""

    SESSION_INVALID = "session_invalid"
    SESSION_REFUSED = "session_refused"
    LABEL_MAP_AMBIGUOUS = "label_map_ambiguous"
    UNREADABLE_INPUT = "unreadable_input"
    NO_SUITABLE_SERIES = "no_suitable_series"
    GEOMETRY_UNTRUSTED = "geometry_untrusted"
    TWO_PATIENTS = "two_patients"
    DUPLICATE_STUDY = "duplicate_study"
    EVIDENCE_UNUSABLE = "evidence_unusable"
    OUTPUT_FAILED = "output_failed"
    OUT_OF_MEMORY = "out_of_memory"
    TIME_LIMIT = "time_limit"
    WORKER_DIED = "worker_died"
    UNFORESEEN = "unforeseen_error"
    NOT_FINISHED = "not_finished"


# The study is not at fault: the next run tries these again by itself ...
TRIED_AGAIN = frozenset({Failure.OUTPUT_FAILED})
# ... and these when it is asked to, for they may end the same way and take long.
TRIED_AGAIN_ON_DEMAND = frozenset(
    {Failure.OUT_OF_MEMORY, Failure.TIME_LIMIT, Failure.WORKER_DIED, Failure.UNFORESEEN}
)


@dataclass(frozen=True)
class Limits:
    """What one study may take: seconds, and bytes of memory of the process that measures it."""

    seconds: float | None = 600.0
    memory_bytes: int | None = None


@dataclass(frozen=True)
class BatchPlan:
    """Settings of every study of a run.

    `labels` and `label_preset` say which number of a label map is which bone. `source_date_epoch`
    is the caller's SOURCE_DATE_EPOCH, carried along so that workers on other machines date DICOM
    objects alike. With `deidentify` UIDs and names of studies are replaced by keyed hashes; `key`
    is the secret, in hexadecimal letters, and goes into no result.
    """

    sides: tuple[Side, ...] = SIDES_AS_SEEN
    evidence_ids: tuple[str, ...] = ()
    evidence_file: Path | None = None
    formats: tuple[str, ...] = DEFAULT_FORMATS
    labels: str | None = None
    label_preset: str | None = None
    source_date_epoch: str | None = None
    deidentify: bool = False
    key: str = field(default="", repr=False)

    @property
    def settings(self) -> Settings:
        """The settings of one study."""
        # Marks of volume files are bound to them by the name of their file; the result says so.
        return Settings(self.sides, self.evidence_ids, self.evidence_file, unbound=True)

    def as_json(self) -> dict[str, Any]:
        """Give what the results depend on, without paths."""
        return {
            **self.settings.as_json(),
            "evidence_sha256": evidence_sha256(self.evidence_file),
            "formats": [name for name in ALL_FORMATS if name in self.formats],
            "labels": self.labels,
            "label_preset": self.label_preset,
            "source_date_epoch": self.source_date_epoch,
            "deidentified": self.deidentify,
        }

    @property
    def sha256(self) -> str:
        """Hash of everything the results depend on besides images, marks and version."""
        return sha256_of([self.as_json(), fingerprint_of(self.key)])


@dataclass(frozen=True)
class Part:
    """Some files of a study: below a folder, or inside an archive."""

    base: str
    members: tuple[str, ...]
    archive: bool = False


@dataclass(frozen=True)
class Person:
    """Age and sex from a table beside the images, for images that do not say it themselves."""

    age_years: float | None = None
    sex: str | None = None


@dataclass(frozen=True)
class Job:
    """One study with one session, ready to be measured anywhere that sees the same disk.

    Attributes
    ----------
    case_id
        The study, or study and reading: also the folder below ``studies``.
    parts
        The files of the study, in the order in which they were found.
    session
        The marks; absent where the study has none.
    mask
        The label map; absent where the study has none.
    out
        The folder for the results.
    known_input_sha256
        The input of an earlier, still valid outcome: where it comes out again, nothing is done.
    person
        What is known of the person beside the images.
    """

    case_id: str
    parts: tuple[Part, ...]
    session: str | None
    mask: str | None
    out: str
    plan: BatchPlan
    known_input_sha256: str | None = None
    person: Person | None = None

    def to_text(self) -> str:
        """Write it as one line."""
        return text_of(self)

    @classmethod
    def from_text(cls, text: str) -> Job:
        """Read it from one line."""
        return from_text(cls, text)


@dataclass(frozen=True)
class CaseOutcome:
    """How one case ended: its rows of the table, or why there are none.

    `rows` are those of ``measurements.csv``, `flags` what the reader has to know, `files` the
    names of what was written. `seconds` and `peak_bytes` differ from run to run and are in no
    table. `unchanged` says that the input is the known one and nothing was done.
    """

    case_id: str
    status: Status
    reason: str = ""
    sentence: str = ""
    input_sha256: str = ""
    rows: tuple[dict[str, Any], ...] = ()
    flags: tuple[dict[str, Any], ...] = ()
    files: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_bytes: int = 0
    unchanged: bool = False
    version: str = field(default=__version__)

    @classmethod
    def failed(
        cls, case_id: str, reason: Failure, sentence: str, input_sha256: str = ""
    ) -> CaseOutcome:
        """Say that a case failed as a whole."""
        return cls(case_id, Status.FAILED, reason.value, sentence, input_sha256)

    def to_text(self) -> str:
        """Write it as one line."""
        return text_of(self)

    @classmethod
    def from_text(cls, text: str) -> CaseOutcome:
        """Read it from one line.

        Raises
        ------
        UnsafePathError
            If a file of it has no plain name: a ledger may come from somebody else.
        """
        outcome = from_text(cls, text)
        for name in outcome.files:
            plain_name(name)
        return outcome

    def timed(self, seconds: float, peak_bytes: int) -> CaseOutcome:
        """Add what it took."""
        return replace(self, seconds=seconds, peak_bytes=peak_bytes)


def sha256_of(data: Any) -> str:
    """Hash plain values by their canonical JSON."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
