"""Marks from a session file and into one, and the question before unsaved work is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from ifspace.errors import IfspaceError
from ifspace.io.session import read_session, write_session
from ifspace.model import MarkState
from ifspace.reading.edits import portable
from ifspace.reading.session_binding import BoundSession, bind
from napari_ifspace.opening import first_slice
from napari_ifspace.panel_host import PanelHost

# What becomes of a reading that is left without a session file.
LEAVE, LOGGED = (
    "Leave, recover later",
    "They are logged and can be recovered when the series is opened again.",
)
LOSE, UNLOGGED = (
    "Leave, lose the last changes",
    "The last of them could not be logged either and would be lost: save the session first.",
)


class SessionFiles:
    """Session files of one dock."""

    def __init__(self, host: PanelHost, parent: QWidget, show_slice: Callable[[int], None]) -> None:
        """Serve a dock; dialogs belong to `parent`."""
        self.host = host
        self.parent = parent
        self._show_slice = show_slice

    def load(self, path: Path) -> None:
        """Take the marks of a session file, if it belongs to this series."""
        if self.host.controller is None:
            return
        try:
            bound = bind(read_session(path), self.host.controller.volume)
        except IfspaceError as error:
            self.host.say(str(error), warning=True)
            return
        if not self._may_replace(bound) or not self.host.controller.load(bound.session):
            return
        self._show_slice(first_slice(self.host.controller))
        words = f"{len(bound.session.marks)} mark(s) taken from {path.name}."
        self.host.say(f"{words} {bound.unsigned}".strip(), warning=bool(bound.unsigned))

    def _may_replace(self, bound: BoundSession) -> bool:
        """Ask before marks are replaced, or taken from a file that names no series."""
        mine = self.host.controller.session.marks if self.host.controller is not None else ()
        confirmed = sum(mark.state is MarkState.CONFIRMED for mark in mine)
        questions = [bound.doubt] if bound.doubt else []
        if mine:
            questions.append(
                f"The {len(mine)} mark(s) here, {confirmed} of them confirmed, would be replaced "
                f"by the {len(bound.session.marks)} of the file; undo brings them back."
            )
        if not questions:
            return True
        answers = ("Load the marks", "Cancel")
        return self.host.ask(self.parent, "Load marks", " ".join(questions), answers) == answers[0]

    def save(self, path: Path) -> bool:
        """Write the reading being made into a session file."""
        controller = self.host.controller
        if controller is None:
            return False
        try:
            state = controller.record.to_write
            write_session(portable(state.session, state.dragged), path)
        except IfspaceError as error:
            self.host.say(str(error), warning=True)
            return False
        controller.saved()
        self.host.say(f"Session saved as {path.name}.")
        return True

    def ask_and_save(self) -> bool:
        """Ask where to, and save."""
        name, _ = QFileDialog.getSaveFileName(
            self.parent, "Save the session", "session.json", "Session (*.json)"
        )
        return bool(name) and self.save(Path(name))

    def may_leave(self) -> bool:
        """Ask before a reading with unsaved work goes out of sight."""
        controller = self.host.controller
        if (
            controller is None
            or not controller.unsaved
            or not any(s.marks for s in controller.state.sessions)
        ):
            return True
        controller.journal.sync()
        logged = controller.journal.problem is None
        answer = self.host.ask(
            self.parent,
            "Unsaved reading",
            "The reading has changes that are in no session file yet. "
            + (LOGGED if logged else UNLOGGED),
            ("Save session…", LEAVE if logged else LOSE, "Cancel"),
        )
        if answer == "Save session…":
            return self.ask_and_save()
        return answer in (LEAVE, LOSE)
