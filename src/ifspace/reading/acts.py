"""The acts of a reader as the history of each session: a chain that only grows."""

from __future__ import annotations

from dataclasses import replace

from ifspace.model import HistoryEntry
from ifspace.reading.edits import State
from ifspace.signing import appended, now

# How the names of edits read once they are done; other edits keep their own first word.
_DONE = {
    "place": "placed",
    "move": "moved",
    "remove": "deleted",
    "confirm": "confirmed",
    "unconfirm": "unconfirmed",
    "load": "loaded",
    "recover": "recovered",
    "set": "set",
    "note": "noted",
}
_KINDS = {"undo": "undone", "redo": "repeated", "abandon": "abandoned"}


class Acts:
    """The history of every reading of one series.

    Undo takes a mark back but not its entry: what was done stays told, and that it was undone.
    """

    def __init__(self) -> None:
        """Begin with no act."""
        self._of_reading: dict[int, tuple[HistoryEntry, ...]] = {}

    def add(self, kind: str, action: str, before: State, after: State) -> None:
        """Tell of one edit, undo, redo or abandonment."""
        number = before.active if kind == "abandon" else after.active
        session = after.sessions[min(number, len(after.sessions) - 1)]
        known = self._of_reading.get(number, session.history)
        loaded = kind == "edit" and action.startswith("load")
        if loaded or session.history[: len(known)] == known != session.history:
            # A file brings its own history; signing has told of itself.
            known = session.history
            if not loaded:
                self._of_reading[number] = known
                return
        word, _, rest = action.partition(" ")
        act = _KINDS.get(kind) or _DONE.get(word, word)
        what = action if kind in _KINDS else rest
        reader = session.reader
        self._of_reading[number] = appended(known, act, what, at=now(), reader=reader)

    def told(self, state: State) -> State:
        """Give a state whose sessions hold their histories, to be written."""
        return replace(
            state,
            sessions=tuple(
                replace(session, history=self._of_reading.get(number, session.history))
                for number, session in enumerate(state.sessions)
            ),
        )
