"""What was sent where, so that a repeat sends only what did not arrive.

One line of JSON per object that a node has taken, appended when it has taken it: a program that
is killed forgets nothing it was told. A power failure may lose the last lines; then an object is
sent again, which changes nothing where it is. Holds UIDs and hashes, nothing of the patient.
"""

from __future__ import annotations

import json
from pathlib import Path

import platformdirs

from ifspace.atomic import OWNER_ONLY
from ifspace.errors import OutputError
from ifspace.pacs.nodes import APPLICATION, Node
from ifspace.pacs.objects import ToSend

LEDGER_FILE = "sent.jsonl"


def ledger_path() -> Path:
    """Tell where the ledger is kept."""
    return platformdirs.user_state_path(APPLICATION) / LEDGER_FILE


class Ledger:
    """The objects that nodes have taken."""

    def __init__(self, path: Path | None = None) -> None:
        """Read what is known; a line that was cut off by a crash is passed over."""
        self._path = path or ledger_path()
        self._known: set[tuple[str, str, str]] = set()
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        except OSError as error:
            message = f"the ledger of what was sent cannot be read: {error.strerror}"
            raise OutputError(message) from error
        self._cut_off = bool(text) and not text.endswith("\n")
        for line in text.splitlines():
            entry = _entry(line)
            if entry is not None:
                self._known.add(entry)

    def holds(self, node: Node, item: ToSend) -> bool:
        """Tell whether the node has taken this very object."""
        return (node.address, item.sop_instance_uid, item.sha256) in self._known

    def add(self, node: Node, item: ToSend) -> None:
        """Note that the node has taken the object.

        Raises
        ------
        OutputError
            If the ledger cannot be written.
        """
        entry = (node.address, item.sop_instance_uid, item.sha256)
        line = json.dumps(dict(zip(("node", "sop_instance_uid", "sha256"), entry, strict=True)))
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.touch(OWNER_ONLY)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(("\n" if self._cut_off else "") + line + "\n")
        except OSError as error:
            message = f"the ledger of what was sent cannot be written: {error.strerror}"
            raise OutputError(message) from error
        self._cut_off = False
        self._known.add(entry)


def _entry(line: str) -> tuple[str, str, str] | None:
    try:
        data = json.loads(line)
        return str(data["node"]), str(data["sop_instance_uid"]), str(data["sha256"])
    except (ValueError, KeyError, TypeError):
        return None
