"""The ledger: an SQLite file of the files found and the outcome of each case.

It is what makes a run that was killed at any moment go on where it ended: a case is in it only
once its folder is complete, in one transaction, and it counts only while images, marks, settings
and version are those it was made with.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ifspace.atomic import OWNER_ONLY
from ifspace.batch.case import STUDIES_FOLDER, CaseOutcome, Failure, Status
from ifspace.errors import OutputError
from ifspace.safe_paths import below
from ifspace.version import __version__

LEDGER_NAME = "ledger.sqlite"
OTHER_IDENTITY = (
    "the output folder holds results that were de-identified with another key, or not at all; give"
    " that key, or choose another folder so that the two cannot be told from one another"
)
_FORMAT = "1"

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS files (
    place TEXT NOT NULL, member TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    kind TEXT NOT NULL, study_key TEXT NOT NULL, study_uid TEXT, sop_uid TEXT,
    patient_tag TEXT NOT NULL, note TEXT NOT NULL, seen INTEGER NOT NULL,
    PRIMARY KEY (place, member)
);
CREATE INDEX IF NOT EXISTS files_by_study ON files (study_key);
CREATE TABLE IF NOT EXISTS cases (
    case_id TEXT PRIMARY KEY, study_id TEXT NOT NULL, study_key TEXT NOT NULL, study_uid TEXT,
    reading INTEGER NOT NULL, session TEXT, mask TEXT, signature TEXT NOT NULL,
    reason TEXT NOT NULL, sentence TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS outcomes (
    case_id TEXT PRIMARY KEY, signature TEXT NOT NULL, input_sha256 TEXT NOT NULL,
    settings_sha256 TEXT NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL, content TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class FileRow:
    """One file, or one member of an archive, as it was last looked at.

    `kind` is ``image``, ``volume``, ``session``, ``damaged`` or ``other``; `note` says what is
    wrong with a damaged one.
    """

    place: str
    member: str
    size: int
    mtime_ns: int
    kind: str
    study_key: str = ""
    study_uid: str | None = None
    sop_uid: str | None = None
    patient_tag: str = ""
    note: str = ""


@dataclass(frozen=True)
class Case:
    """One study with one session, one label map, both or neither.

    `signature` changes with names, sizes and times of its files, `reading` counts the sessions of
    one study from 1; `reason` and `sentence` are given where the case cannot be measured at all.
    """

    case_id: str
    study_id: str
    study_key: str
    study_uid: str | None
    reading: int
    session: str | None
    mask: str | None
    signature: str
    reason: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Recorded:
    """A case with its outcome, where there is one that counts."""

    case: Case
    outcome: CaseOutcome


_FILE_FIELDS = tuple(FileRow.__dataclass_fields__)
_CASE_FIELDS = tuple(Case.__dataclass_fields__)


class Ledger:
    """What was found and how each case ended."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    # ------------------------------------------------------------------------------- run

    def set_meta(self, key: str, value: str) -> None:
        """Note one fact about the run."""
        with self._db:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def meta(self, key: str) -> str | None:
        """Give a fact about the run."""
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    # ----------------------------------------------------------------------------- files

    def begin_files(self) -> None:
        """Forget which files are still there; what was read in them stays known."""
        self._db.execute("UPDATE files SET seen = 0")

    def still_there(self, place: str, size: int, mtime_ns: int) -> bool:
        """Tell whether a file was looked at before and has not changed since."""
        found = self._db.execute(
            "UPDATE files SET seen = 1 WHERE place = ? AND size = ? AND mtime_ns = ?",
            (place, size, mtime_ns),
        )
        return found.rowcount > 0

    def add_files(self, place: str, rows: Iterable[FileRow]) -> None:
        """Note what was read in one file."""
        self._db.execute("DELETE FROM files WHERE place = ?", (place,))
        marks = ", ".join("?" * (len(_FILE_FIELDS) + 1))
        self._db.executemany(
            f"INSERT INTO files VALUES ({marks})",  # noqa: S608 - question marks only
            [(*(getattr(row, name) for name in _FILE_FIELDS), 1) for row in rows],
        )

    def end_files(self) -> None:
        """Leave out the files that are no longer there."""
        with self._db:
            self._db.execute("DELETE FROM files WHERE seen = 0")

    def study_keys(self) -> list[str]:
        """Name every study that has images, in order."""
        rows = self._db.execute(
            "SELECT DISTINCT study_key FROM files WHERE kind IN ('image', 'volume')"
            " ORDER BY study_key"
        )
        return [str(row[0]) for row in rows]

    def files_of(self, study_key: str) -> list[FileRow]:
        """Give the image files of one study, in order."""
        return self._files("study_key = ? AND kind IN ('image', 'volume')", (study_key,))

    def files_of_kind(self, kind: str) -> list[FileRow]:
        """Give the files of one kind, in order."""
        return self._files("kind = ?", (kind,))

    def _files(self, condition: str, values: tuple[str, ...]) -> list[FileRow]:
        rows = self._db.execute(
            f"SELECT {', '.join(_FILE_FIELDS)} FROM files WHERE {condition}"  # noqa: S608
            " ORDER BY place, member",
            values,
        )
        return [FileRow(*row) for row in rows]

    # ----------------------------------------------------------------------------- cases

    def replace_cases(self, cases: Iterable[Case]) -> None:
        """Note which cases there are now; outcomes of others stay known."""
        marks = ", ".join("?" * len(_CASE_FIELDS))
        with self._db:
            self._db.execute("DELETE FROM cases")
            self._db.executemany(
                f"INSERT INTO cases VALUES ({marks})",  # noqa: S608 - question marks only
                [tuple(getattr(case, name) for name in _CASE_FIELDS) for case in cases],
            )

    def add_case(self, case: Case) -> None:
        """Note one more case."""
        marks = ", ".join("?" * len(_CASE_FIELDS))
        with self._db:
            self._db.execute(
                f"INSERT OR REPLACE INTO cases VALUES ({marks})",  # noqa: S608
                tuple(getattr(case, name) for name in _CASE_FIELDS),
            )

    def cases(self) -> Iterator[Case]:
        """Give every case, in order."""
        rows = self._db.execute(
            f"SELECT {', '.join(_CASE_FIELDS)} FROM cases ORDER BY case_id"  # noqa: S608
        )
        for row in rows.fetchall():
            case = Case(*row)
            # One of several readings of a study has a name of two parts.
            below(Path(), case.case_id)
            yield case

    def record(self, case: Case, outcome: CaseOutcome, settings_sha256: str) -> None:
        """Note how a case ended: from now on it is done."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO outcomes VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    case.case_id,
                    case.signature,
                    outcome.input_sha256,
                    settings_sha256,
                    outcome.version,
                    outcome.status.value,
                    outcome.reason,
                    outcome.to_text(),
                ),
            )

    def confirm(self, case: Case) -> None:
        """Note that a case whose files have new names or times is the one already measured."""
        with self._db:
            self._db.execute(
                "UPDATE outcomes SET signature = ? WHERE case_id = ?",
                (case.signature, case.case_id),
            )

    def outcome_of(
        self, case: Case, settings_sha256: str, *, same_files: bool
    ) -> CaseOutcome | None:
        """Give the outcome of a case, if settings and version are those it was made with.

        With `same_files` only if its files have not been touched since, either.
        """
        row = self._db.execute(
            "SELECT content, signature FROM outcomes"
            " WHERE case_id = ? AND settings_sha256 = ? AND version = ?",
            (case.case_id, settings_sha256, __version__),
        ).fetchone()
        if row is None or (same_files and row[1] != case.signature):
            return None
        return CaseOutcome.from_text(row[0])

    def recorded(self, settings_sha256: str) -> Iterator[Recorded]:
        """Give every case of now with its outcome, in order; unfinished ones say so."""
        for case in self.cases():
            outcome = self.outcome_of(case, settings_sha256, same_files=True)
            if outcome is None:
                outcome = CaseOutcome(
                    case.case_id,
                    Status.FAILED,
                    Failure.NOT_FINISHED.value,
                    "the run ended before this study; start it again",
                )
            yield Recorded(case, outcome)


def ledger_path(out: Path, folder: Path | None = None, *, private: bool = False) -> Path:
    """Tell where the ledger of an output folder is, or will be.

    That of a de-identified output holds the key and the names of folders, and the output is what
    is passed on: it lies beside it, or in a folder of its own.

    Parameters
    ----------
    out
        The output folder.
    folder
        Where ledgers of de-identified outputs lie; beside `out` if absent.
    private
        Whether the output is de-identified; what lies there already tells where this is not known.
    """
    inside, name = out / LEDGER_NAME, out.absolute().name
    apart = (folder or out.absolute().parent) / f"{name}.{LEDGER_NAME}"
    known = apart.is_file() and (out / STUDIES_FOLDER).is_dir() and not inside.is_file()
    return apart if private or known else inside


@contextmanager
def open_ledger(
    out: Path, folder: Path | None = None, *, create: bool = True, private: bool = False
) -> Iterator[Ledger]:
    """Open the ledger of an output folder, alone; see :func:`ledger_path`.

    Raises
    ------
    OutputError
        If another run is writing into the folder, or the ledger is missing or cannot be used.
    """
    path = ledger_path(out, folder, private=private)
    try:
        if create:
            if private:
                _leave(out, path)
            out.mkdir(parents=True, exist_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(OWNER_ONLY)
        elif not path.is_file():
            message = (
                f"{out.name} holds no batch: it has no {LEDGER_NAME}; name its output folder, and"
                " for a de-identified one the folder of its ledger (--ledger-folder)"
            )
            raise OutputError(message)
        connection = sqlite3.connect(path, timeout=2.0)
    except (OSError, sqlite3.Error) as error:
        message = f"the output folder cannot be written ({error}); free space or choose another"
        raise OutputError(message) from error
    try:
        _take(connection)
        yield Ledger(connection)
        connection.commit()
    except sqlite3.DatabaseError as error:
        raise OutputError(_why_not(error)) from error
    finally:
        connection.close()


def _leave(out: Path, path: Path) -> None:
    """Take a key that an earlier version left in the output out of it, before a run goes on.

    Raises
    ------
    OutputError
        If the output holds results that are not de-identified, or whose key is not there.
    """
    if path.is_file():
        return
    inside = out / LEDGER_NAME
    if inside.is_file():
        with open_ledger(out) as ledger:
            has_key = bool(ledger.meta("key"))
        if not has_key:
            raise OutputError(OTHER_IDENTITY)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(inside, path)
        path.chmod(OWNER_ONLY)
    elif (out / STUDIES_FOLDER).is_dir():
        message = (
            f"the output folder holds results, but not their ledger, {path.name}; name its folder"
            " with --ledger-folder, or choose another output folder"
        )
        raise OutputError(message)


@contextmanager
def scratch_ledger() -> Iterator[Ledger]:
    """Open a temporary ledger to combine others in."""
    connection = sqlite3.connect(":memory:")
    try:
        _take(connection)
        yield Ledger(connection)
    finally:
        connection.close()


def _take(connection: sqlite3.Connection) -> None:
    """Lock the ledger until it is closed or its owner is gone, and make its tables."""
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    # Each outcome is on the disk before the next job is submitted.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("BEGIN EXCLUSIVE")
    connection.commit()
    connection.executescript(_TABLES)
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('format', ?)", (_FORMAT,))
    connection.commit()


def _why_not(error: sqlite3.DatabaseError) -> str:
    if "locked" in str(error):
        return (
            "another run is writing into this output folder; wait for it, or choose another folder"
            " (one per shard)"
        )
    return (
        f"{LEDGER_NAME} in the output folder cannot be used ({error}); choose another folder, or"
        " move the file away to start from nothing"
    )


def loads(text: str | None) -> Any:
    """Read plain values that were noted as text."""
    return None if text is None else json.loads(text)
