"""Undo and redo without limit over every decision of the reader. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ifspace.io.session import session_from_json, session_to_json
from ifspace.landmarks import Bone, OutlinePoint
from ifspace.model import Side
from ifspace.reading.edits import State

# Entries that a session file must have and that may be null; null is spelled by absence here.
_NULLABLE = (
    "study_instance_uid",
    "series_instance_uid",
    "frame_of_reference_uid",
    "reader",
)

Flat = dict[str, Any]
Changes = dict[str, list[Any]]


def flat(state: State) -> Flat:
    """Spell a state as one level of keys, so that two states can be told apart entry by entry.

    Examples of keys: ``active``, ``reading/0/reader``, ``reading/0/mark/left/ischium_lateral/0``,
    ``reading/1/findings/right/qf_oedema``, ``reading/0/point/right/femur/0``.
    """
    spelled: Flat = {"active": state.active}
    for number, session in enumerate(state.sessions):
        data = dict(session_to_json(session))
        marks = data.pop("marks")
        seen: dict[str, int] = {}
        for mark in marks:
            stem = f"reading/{number}/mark/{mark['side']}/{mark['mark']}"
            seen[stem] = seen.get(stem, -1) + 1
            spelled[f"{stem}/{seen[stem]}"] = mark
        findings = data.pop("findings", {})
        for side, entries in findings.items():
            for name, code in entries.items():
                spelled[f"reading/{number}/findings/{side}/{name}"] = code
        spelled |= {
            f"reading/{number}/{key}": value for key, value in data.items() if value is not None
        }
        for count, point in enumerate(state.points[number]):
            key = f"reading/{number}/point/{point.side.value}/{point.bone.value}/{count}"
            spelled[key] = point.position_lps_mm.tolist()
    return spelled


def state_of(spelled: Mapping[str, Any]) -> State:
    """Put a state together again; inverts :func:`flat`.

    Raises
    ------
    SessionError
        If what the keys hold is no session.
    ValueError, KeyError
        If the keys are not those of a state.
    """
    count = 1 + max(int(key.split("/")[1]) for key in spelled if key.startswith("reading/"))
    data: list[dict[str, Any]] = [
        {"marks": [], "findings": {}, **dict.fromkeys(_NULLABLE)} for _ in range(count)
    ]
    points: list[dict[int, OutlinePoint]] = [{} for _ in range(count)]
    for key, value in spelled.items():
        if not key.startswith("reading/"):
            continue
        _, number, name, *rest = key.split("/")
        session = data[int(number)]
        if name == "mark":
            session["marks"].append(value)
        elif name == "findings":
            session["findings"].setdefault(rest[0], {})[rest[1]] = value
        elif name == "point":
            side, bone, order = rest
            position_lps_mm = np.array(value, dtype=np.float64)
            point = OutlinePoint(Bone(bone), Side(side), position_lps_mm)
            points[int(number)][int(order)] = point
        else:
            session[name] = value
    return State(
        tuple(session_from_json(item) for item in data),
        int(spelled["active"]),
        tuple(tuple(item[order] for order in sorted(item)) for item in points),
    )


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Changes:
    """List what differs: key to [from, to], null where an entry is absent."""
    keys = [*before, *(key for key in after if key not in before)]
    return {
        key: [before.get(key), after.get(key)] for key in keys if before.get(key) != after.get(key)
    }


def changed(spelled: Mapping[str, Any], listed: Changes) -> Flat:
    """Carry out listed changes.

    Raises
    ------
    ValueError
        If an entry is not what the change says it was.
    """
    result = dict(spelled)
    for key, (was, becomes) in listed.items():
        if result.get(key) != was:
            message = f"{key} is not what the log says it was"
            raise ValueError(message)
        if becomes is None:
            result.pop(key, None)
        else:
            result[key] = becomes
    return result


@dataclass(frozen=True, eq=False)
class Edit:
    """One step of the history."""

    action: str
    before: State
    after: State

    @property
    def begins_reading(self) -> bool:
        """Whether it began a further reading."""
        return len(self.before.sessions) < len(self.after.sessions)


class History:
    """The present state with everything before it and everything undone.

    `listener` hears of each change as (kind, action, before, after), kind being ``edit``,
    ``undo``, ``redo`` or ``abandon``; the log is such a listener.
    """

    def __init__(
        self, state: State, listener: Callable[[str, str, State, State], None] | None = None
    ) -> None:
        """Begin with one state and no past."""
        self._state = state
        self._past: list[Edit] = []
        self._future: list[Edit] = []
        self._abandoned_by: set[str] = set()
        self.listener = listener

    @property
    def state(self) -> State:
        """The present."""
        return self._state

    @property
    def past(self) -> Sequence[Edit]:
        """The edits that led to the present, the oldest first."""
        return self._past

    @property
    def undone(self) -> Sequence[Edit]:
        """The edits taken back, the oldest first."""
        return self._future[::-1]

    @property
    def begun(self) -> int | None:
        """The place in the past where the last reading began; nothing for the first reading."""
        places = range(len(self._past) - 1, -1, -1)
        return next((place for place in places if self._past[place].begins_reading), None)

    @property
    def abandoned_by(self) -> frozenset[str]:
        """The readers who began a reading here and abandoned it."""
        return frozenset(self._abandoned_by)

    @property
    def can_undo(self) -> bool:
        """Whether there is an edit to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether there is an edit to repeat."""
        return bool(self._future)

    def do(self, action: str, after: State) -> bool:
        """Go to a new state; says whether anything changed."""
        if not changes(flat(self._state), flat(after)):
            return False
        edit = Edit(action, self._state, after)
        self._past.append(edit)
        self._future.clear()
        self._go("edit", action, after)
        return True

    def undo(self) -> str | None:
        """Take the last edit back; gives its name, or nothing at the start."""
        if not self._past:
            return None
        edit = self._past.pop()
        self._future.append(edit)
        self._go("undo", edit.action, edit.before)
        return edit.action

    def redo(self) -> str | None:
        """Repeat the last edit taken back; gives its name, or nothing at the end."""
        if not self._future:
            return None
        edit = self._future.pop()
        self._past.append(edit)
        self._go("redo", edit.action, edit.after)
        return edit.action

    def abandon(self, action: str) -> bool:
        """Take the last reading back, for good; says whether there was one.

        Its edits can neither be undone nor repeated then; the log keeps them.
        """
        begun = self.begun
        if begun is None:
            return False
        edit = self._past[begun]
        for session in (edit.after.session, self._state.session):
            if session.reader is not None:
                self._abandoned_by.add(session.reader)
        del self._past[begun:]
        self._future.clear()
        self._go("abandon", action, edit.before)
        return True

    def _go(self, kind: str, action: str, after: State) -> None:
        before, self._state = self._state, after
        if self.listener is not None:
            self.listener(kind, action, before, after)
