"""The record of a reading: the present state, every edit of it, and its log."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from ifspace.model import Session, Volume
from ifspace.reading.acts import Acts
from ifspace.reading.edits import RefusedError, State
from ifspace.reading.history import History
from ifspace.reading.journal import Journal, Unfinished


class Record:
    """What was decided, and how it came about.

    Attributes
    ----------
    history, journal
        Every edit, to be taken back and repeated; the log of them.
    unsaved
        Whether there are edits in no file of the reader's choice.
    accepted
        Emitted with the name of each edit that was carried out, before anything is said of it.
    """

    said = Signal(str, bool)
    accepted = Signal(str)

    def __init__(
        self,
        volume: Volume,
        state: State,
        folder: Path | None = None,
        recovered: Unfinished | None = None,
    ) -> None:
        """Begin with a state, or go on with what a dead process left behind."""
        self.history = recovered.history if recovered is not None else History(state)
        self.journal = Journal(volume, self.history.state, folder, recovered)
        self.history.listener = self._write
        self.unsaved = recovered is not None
        self.acts = Acts()
        if recovered is not None:
            edits = f"{recovered.edits} edits of the log"
            self.acts.add("edit", f"recover {edits}", self.state, self.state)

    @property
    def state(self) -> State:
        """Everything decided."""
        return self.history.state

    @property
    def to_write(self) -> State:
        """Everything decided, with the history of each reading."""
        return self.acts.told(self.state)

    @property
    def session(self) -> Session:
        """The reading being made."""
        return self.history.state.session

    def attempt(self, after: Callable[[], State]) -> State | None:
        """Give a new state; where it is refused, say why and give nothing."""
        try:
            return after()
        except RefusedError as refusal:
            self.said.emit(str(refusal), True)
            return None

    def do(self, action: str, after: Callable[[], State]) -> bool:
        """Go to a new state; where it is refused, say why and change nothing."""
        state = self.attempt(after)
        done = state is not None and self.history.do(action, state)
        self.unsaved = self.unsaved or done
        return done

    def undo(self) -> str | None:
        """Take the last edit back; gives its name, or nothing at the start."""
        return self._again(self.history.undo())

    def redo(self) -> str | None:
        """Repeat the last edit taken back; gives its name, or nothing at the end."""
        return self._again(self.history.redo())

    def abandon(self, action: str) -> bool:
        """Take the last reading back for good; says whether there was one."""
        done = self.history.abandon(action)
        self.unsaved = self.unsaved or done
        return done

    def _again(self, action: str | None) -> str | None:
        self.unsaved = self.unsaved or action is not None
        return action

    def _write(self, kind: str, action: str, before: State, after: State) -> None:
        self.accepted.emit(action)
        self.acts.add(kind, action, before, after)
        had_problem = self.journal.problem
        self.journal.record(kind, action, before, after)
        if self.journal.problem is not None and self.journal.problem != had_problem:
            self.said.emit(self.journal.problem, True)
        elif had_problem is not None and self.journal.problem is None:
            self.said.emit("The reading is saved by itself again.", False)
