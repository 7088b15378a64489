"""Request, progress callbacks and report of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ifspace.batch.case import BatchPlan, CaseOutcome, Limits, Person, Status
from ifspace.batch.discover import PersonOf
from ifspace.batch.ledger import Case
from ifspace.batch.shard import Shard

# How long a cluster may be away before the run ends; it goes on where it was when started again.
PATIENCE_SECONDS = 60.0


_ADDRESS = re.compile(
    r"(?:(?:tcp|tls|ws|wss|ucx)://)?(?:[^\s:/\[\]]+|\[[0-9A-Fa-f:.%]+\]):(\d{1,5})"
)
_HIGHEST_PORT = 65535


def check_scheduler(address: str) -> str:
    """Give the address of a scheduler back if it can be one, whether or not it answers.

    Raises
    ------
    ValueError
        If it names no host or no port.

    >>> check_scheduler("tcp://10.0.0.1:8786")
    'tcp://10.0.0.1:8786'
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found[1]) <= _HIGHEST_PORT:
        message = f"the scheduler is {address!r}, expected tcp://HOST:PORT as it prints it"
        raise ValueError(message)
    return address


@dataclass(frozen=True)
class PendingCounts:
    """Number of studies and cases of a run before it begins.

    Attributes
    ----------
    studies
        How many studies were found.
    cases
        How many readings of them there are; a study without a session counts as one.
    done
        Cases that an earlier run ended.
    unusable
        Cases that end as a failure without being measured.
    """

    studies: int
    cases: int
    done: int
    unusable: int


class Watcher(Protocol):
    """Callbacks for the progress of a run."""

    def started(self, pending: PendingCounts) -> None:
        """Say how many cases there are, and how many of them need no measuring."""

    def finished(self, case: Case, outcome: CaseOutcome) -> None:
        """Say that one more case is done."""


def nobody(_study_key: str) -> Person | None:
    """Give no person data."""
    return None


@dataclass(frozen=True)
class Request:
    """What to run: where the studies are, where results go, and how.

    Attributes
    ----------
    sessions
        A folder of sessions to use instead of those that lie beside the images.
    masks
        A folder of label maps.
    scheduler
        Address of a dask scheduler; without it `jobs` processes of this machine measure.
    overwrite
        Measure everything again.
    retry
        Measure again what ran out of time or memory or broke its process.
    places
        The files to look at, relative to `root`; without them all below it.
    partial
        Whether there are more studies than those of `places`, so that their sessions are no strays.
    person_of
        What is known of the person of a study beside its images.
    bids
        Write the results as a dataset of BIDS derivatives, too.
    ledger_folder
        Where the ledger of a de-identified run lies; beside `out` if absent.
    """

    root: Path
    out: Path
    plan: BatchPlan = field(default_factory=BatchPlan)
    sessions: Path | None = None
    masks: Path | None = None
    jobs: int = 1
    scheduler: str | None = None
    shard: Shard = field(default_factory=Shard)
    limits: Limits = field(default_factory=Limits)
    overwrite: bool = False
    retry: bool = False
    patience_seconds: float = PATIENCE_SECONDS
    places: tuple[str, ...] | None = None
    partial: bool = False
    person_of: PersonOf = nobody
    bids: bool = False
    ledger_folder: Path | None = None

    def __post_init__(self) -> None:
        """Refuse a scheduler's address that can be none."""
        if self.scheduler is not None:
            check_scheduler(self.scheduler)


@dataclass(frozen=True)
class BatchReport:
    """Outcome of a run or a merge: counts, time, memory and files.

    `measured_now` counts the cases that this run measured, `peak_bytes` the largest memory of a
    process that did, `seconds` their time taken together; `written` are the tables, `notes` what
    the user has to be told.
    """

    counts: dict[Status, int]
    measured_now: int
    seconds: float
    peak_bytes: int
    written: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    complete: bool = True

    @property
    def total(self) -> int:
        """All cases."""
        return sum(self.counts.values())
