"""Bring marks to the edge they stand for, and back to the click. Knows neither Qt nor napari.

Snapping is an edit of its own after the click: the log holds where the mark was clicked and where
it went, undo takes one after the other back, and nothing beside the history has to remember it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks import Snapped, snap_to_edge
from ifspace.model import Mark, MarkState, Refusal, Session, Volume
from ifspace.reading import edits
from ifspace.reading.placement import SlicePoint, refuse_wrong_place
from ifspace.reading.record import Record
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import step_of

SNAP_ACTION = "snap {} to the edge"
BACK_ACTION = "return {} to the click"
_SNAPS = tuple(SNAP_ACTION.split("{}"))
# What is written with one decimal and reads 0.0 is no move.
NO_MOVE_MM = 0.05


@dataclass(frozen=True)
class SnapOutcome:
    """Whether a mark went where it was asked to, and one sentence about it."""

    done: bool
    words: str


class Snapper:
    """The edges of one reading's marks.

    Attributes
    ----------
    on
        Whether a mark that is placed or dragged goes to its edge by itself.
    """

    def __init__(self, volume: Volume, record: Record) -> None:
        """Begin switched off."""
        self.volume = volume
        self.record = record
        self.on = False
        self._asked: tuple[object, ...] = ()
        self._answer: Snapped | Refusal | None = None

    def snap(self, mark: Mark) -> SnapOutcome:
        """Bring one mark to its edge."""
        title = step_of(mark).title.lower()
        if mark.state is MarkState.PROPOSED:
            return SnapOutcome(False, f"The {title} is a proposal: confirm it, or drag it first.")
        if self.clicked(mark) is not None:
            return SnapOutcome(False, f"The {title} is at its edge already.")
        seen = self._look(mark, self.record.session)
        if isinstance(seen, Refusal):
            return SnapOutcome(False, f"The {title} stays where it was placed: {seen.detail}.")
        if abs(seen.moved_mm) < NO_MOVE_MM:
            return SnapOutcome(False, f"The {title} lies on the edge already.")
        if not self._move(mark, seen.point_lps_mm, SNAP_ACTION.format(title)):
            return SnapOutcome(False, "")
        return SnapOutcome(True, f"The {title} moved {moved_words(seen)}.")

    def back(self, mark: Mark) -> SnapOutcome:
        """Return one mark to where it was clicked."""
        title, clicked = step_of(mark).title.lower(), self.clicked(mark)
        if clicked is None:
            return SnapOutcome(False, f"The {title} was not snapped.")
        if not self._move(mark, clicked.position_lps_mm, BACK_ACTION.format(title)):
            return SnapOutcome(False, "")
        return SnapOutcome(True, f"The {title} is back where it was clicked.")

    def clicked(self, mark: Mark) -> Mark | None:
        """Give a mark as it was before it was snapped; nothing if it was not."""
        found = self._snapped_from(mark)
        return found[0] if found is not None else None

    def seen(self, mark: Mark) -> Snapped | None:
        """Give what the library saw when it snapped a mark; nothing if it did not."""
        found = self._snapped_from(mark)
        if found is None:
            return None
        answer = self._look(*found)
        return answer if isinstance(answer, Snapped) else None

    def _snapped_from(self, mark: Mark) -> tuple[Mark, Session] | None:
        """Look up the edit that put a mark where it is: if it snapped, from where in what."""
        record, current = self.record, mark
        step, slice_index = step_of(mark), slice_of(self.volume, mark)
        for edit in reversed(record.history.past):
            if len(edit.before.sessions) <= record.state.active:
                return None
            session = edit.before.sessions[record.state.active]
            if any(item is current for item in session.marks):
                continue
            before = edits.mark_at(self.volume, session, step, slice_index)
            if before is None:
                return None
            if not np.array_equal(before.position_lps_mm, current.position_lps_mm):
                return (before, session) if is_snap(edit.action) else None
            # The same place in another state, or read back from the log of a killed program.
            current = before
        return None

    def _look(self, mark: Mark, session: Session) -> Snapped | Refusal:
        """Ask the library, once for the same question."""
        slice_index = slice_of(self.volume, mark)
        partner = edits.mark_at(self.volume, session, step_of(mark).partner, slice_index)
        toward_lps_mm = None if partner is None else partner.position_lps_mm
        asked = (
            step_of(mark),
            slice_index,
            tuple(mark.position_lps_mm),
            None if toward_lps_mm is None else tuple(toward_lps_mm),
        )
        if self._answer is None or asked != self._asked:
            self._answer = snap_to_edge(self.volume, slice_index, mark, toward_lps_mm=toward_lps_mm)
            self._asked = asked
        return self._answer

    def _move(self, mark: Mark, point_lps_mm: Floats, action: str) -> bool:
        record, step = self.record, step_of(mark)

        def after() -> edits.State:
            spot = SlicePoint(slice_of(self.volume, mark), point_lps_mm)
            refuse_wrong_place(self.volume, record.session, spot, step)
            return edits.moved(record.state, self.volume, mark, point_lps_mm)

        return record.do(action, after)


def is_snap(action: str) -> bool:
    """Tell whether an edit brought a mark to its edge."""
    return action.startswith(_SNAPS[0]) and action.endswith(_SNAPS[1])


def moved_words(seen: Snapped) -> str:
    """Say how far a mark went and how sure the edge is."""
    way = "outwards" if seen.moved_mm > 0.0 else "inwards"
    words = f"{abs(seen.moved_mm):.1f} mm {way} to the edge (± {seen.u95_mm:.1f} mm)"
    return f"{words}; {seen.note}" if seen.note else words
