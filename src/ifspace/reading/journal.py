"""The append-only log of a reading, which is its autosave at the same time. Pure.

One JSON object per line: a head with the state at the beginning, then each edit, undo, redo and
abandonment with the time, the reader and every changed entry (from, to), then ``closed``. A line
is handed to the operating system before the edit is shown, so a killed process loses nothing.
Holds UIDs and reader IDs, nothing that names the patient.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from platformdirs import user_state_path

from ifspace.errors import SessionError
from ifspace.model import Volume
from ifspace.reading.edits import State
from ifspace.reading.history import Flat, History, changed, changes, flat, state_of
from ifspace.version import __version__

JOURNAL_SCHEMA = "ifspace-journal/1"

# The logs that windows of this process write at present; those of others tell by their process.
_BEING_WRITTEN: set[Path] = set()


def journal_folder() -> Path:
    """Give the folder of the logs; ``IFSPACE_STATE_DIR`` moves it."""
    moved = os.environ.get("IFSPACE_STATE_DIR")
    return (Path(moved) if moved else user_state_path("ifspace")) / "readings"


def series_key(volume: Volume) -> str:
    """Name the images in file names without telling anything about them or where they lie."""
    series = volume.series
    identity = "|".join(
        [series.series_instance_uid or volume.fingerprint.fingerprint, series.stack or ""]
    )
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


class Journal:
    """An open log. A full disk does not stop the reader: lines wait and are tried again."""

    def __init__(
        self,
        volume: Volume,
        state: State,
        folder: Path | None = None,
        resumed: Unfinished | None = None,
    ) -> None:
        """Begin a log, whose file appears with the first edit, or go on with a left-behind one."""
        folder = folder or journal_folder()
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self.path = folder / f"{series_key(volume)}-{stamp}-{os.getpid()}.jsonl"
        self.problem: str | None = None
        self._number = 0
        self._torn = False
        self._descriptor: int | None = None
        owner = {
            "software": __version__,
            "at": _now(),
            "process": os.getpid(),
            "process_started": psutil.Process().create_time(),
        }
        self._waiting: list[dict[str, Any]] = []
        if resumed is None:
            self._waiting.append({"schema": JOURNAL_SCHEMA, **owner, "state": flat(state)})
        else:
            self.path, self._number, self._torn = resumed.path, resumed.edits, True
            self._write({"kind": "resumed", **owner})

    def record(self, kind: str, action: str, before: State, after: State) -> None:
        """Write one edit, undo, redo or abandonment; fits :attr:`History.listener`."""
        self._number += 1
        by = before if kind == "abandon" else after
        self._write(
            {
                "number": self._number,
                "at": _now(),
                "by": by.session.reader,
                "kind": kind,
                "action": action,
                "changes": changes(flat(before), flat(after)),
            }
        )

    def sync(self) -> None:
        """Write what still waits, and ask the operating system to put the lines on the disk."""
        if self._number and self._waiting:
            self._write_waiting()
        if self._descriptor is not None:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                self._complain(error)

    def close(self, reason: str) -> None:
        """End the log: nothing is left to recover. A log without edits leaves no file."""
        if self._number:
            self._write({"kind": "closed", "at": _now(), "action": reason})
            self.sync()
        self.release()

    def release(self) -> None:
        """Let go of the file without ending the log: it can be recovered."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            _BEING_WRITTEN.discard(self.path)

    def _write(self, entry: dict[str, Any]) -> None:
        self._waiting.append(entry)
        self._write_waiting()

    def _write_waiting(self) -> None:
        try:
            if self._descriptor is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
                _BEING_WRITTEN.add(self.path)
            while self._waiting:
                self._put(self._waiting[0])
                del self._waiting[0]
        except OSError as error:
            self._complain(error)
        else:
            self.problem = None

    def _put(self, entry: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        # After a torn line the next one starts afresh; readers skip what does not parse.
        line = ("\n" if self._torn else "") + json.dumps(entry, ensure_ascii=False) + "\n"
        left = line.encode()
        self._torn = True
        while left:
            left = left[os.write(self._descriptor, left) :]
        self._torn = False

    def _complain(self, error: OSError) -> None:
        self.problem = (
            f"The reading could not be saved by itself ({error.strerror or error}); "
            "all marks are kept in this window: save the session to another place."
        )


@dataclass(frozen=True, eq=False)
class Unfinished:
    """A log that was never closed, replayed."""

    path: Path
    history: History
    last_edit_at: str
    edits: int


def unfinished(volume: Volume, folder: Path | None = None) -> Unfinished | None:
    """Find the newest reading of these images that a dead process or closed window left behind."""
    folder = folder or journal_folder()
    if not folder.is_dir():
        return None
    for path in sorted(folder.glob(f"{series_key(volume)}-*.jsonl"), reverse=True):
        found = replay(path) if path not in _BEING_WRITTEN else None
        if found is not None:
            return found
    return None


def replay(path: Path) -> Unfinished | None:
    """Repeat a log up to its last whole line; nothing if it was closed, is empty or in use.

    A torn last line is what a killed process leaves and is skipped.
    """
    try:
        lines = list(_lines(path))
    except OSError:
        return None
    if len(lines) < 2 or lines[0].get("schema") != JOURNAL_SCHEMA or "process" not in lines[0]:
        return None
    owner = next(line for line in reversed(lines) if "process" in line)
    if lines[-1].get("kind") == "closed" or _in_use(owner):
        return None
    edits = [line for line in lines if "number" in line]
    try:
        history = _repeat(lines[0]["state"], edits)
    except (SessionError, ValueError, KeyError, TypeError):
        return None
    return Unfinished(path, history, str(edits[-1]["at"]) if edits else "", len(edits))


def retire(found: Unfinished, reason: str) -> None:
    """Mark a left-behind log as dealt with; where that cannot be written, it is offered again."""
    line = json.dumps({"kind": "closed", "at": _now(), "action": reason})
    with suppress(OSError), found.path.open("a", encoding="utf-8") as file:
        file.write("\n" + line + "\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    for line in path.read_bytes().split(b"\n"):
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            yield entry


def _repeat(start: Flat, entries: list[dict[str, Any]]) -> History:
    history = History(state_of(start))
    spelled = dict(start)
    for number, entry in enumerate(entries, start=1):
        if entry.get("number") != number:
            break
        spelled = changed(spelled, entry["changes"])
        if entry["kind"] == "undo":
            history.undo()
        elif entry["kind"] == "redo":
            history.redo()
        elif entry["kind"] == "abandon":
            history.abandon(entry["action"])
        else:
            history.do(entry["action"], state_of(spelled))
    return history


def _in_use(head: dict[str, Any]) -> bool:
    process = head.get("process")
    if process == os.getpid() or not isinstance(process, int):
        return False
    try:
        started = psutil.Process(process).create_time()
    except psutil.Error:
        return False
    return bool(abs(started - float(head.get("process_started", 0.0))) < 1.0)
