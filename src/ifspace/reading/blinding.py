"""When the marks of one reader must not be seen by the next one. Pure.

A second reading is blind from its beginning until it is finished, or until its reader abandons
it. Once its reader has gone to another reading it is not blind any more, whatever is changed then:
the log holds the order of it.
"""

from __future__ import annotations

from collections.abc import Collection

from ifspace.model import Mark, MarkState
from ifspace.reading.edits import State
from ifspace.reading.history import History
from ifspace.reading.steps import Step, step_of

ABANDON_FIRST = (
    "The second reading is not finished: confirm or skip every mark first, or press Abandon on the "
    "Report tab."
)
TOGETHER = (
    "Both readings are written together: finish the second one first (confirm or skip every mark), "
    "or press Abandon on the Report tab."
)
OWN_MARKS = "This file holds the marks of another reader here; a second reading makes its own."


def is_finished(state: State, skipped: Collection[Step]) -> bool:
    """Tell whether the reading being made has every mark that the earlier ones have.

    Every mark in it is confirmed, there is at least one, and what is missing was skipped.
    """
    mine = state.session.marks
    theirs = {step_of(mark) for mark in _earlier_marks(state)}
    return (
        bool(mine)
        and all(mark.state is MarkState.CONFIRMED for mark in mine)
        and theirs <= {step_of(mark) for mark in mine} | set(skipped)
    )


def is_blind(history: History, skipped: Collection[Step]) -> bool:
    """Tell whether the marks of the earlier readings must stay hidden."""
    state = history.state
    if not _earlier_marks(state) or _has_looked(history):
        return False
    return not is_finished(state, skipped)


def _earlier_marks(state: State) -> list[Mark]:
    return [mark for session in state.sessions[: state.active] for mark in session.marks]


def _has_looked(history: History) -> bool:
    """Tell whether another reading was shown since the last one began, undone or not."""
    begun = history.begun
    return begun is not None and any(
        edit.before.active != edit.after.active
        and len(edit.before.sessions) == len(edit.after.sessions)
        for edit in (*history.past[begun + 1 :], *history.undone)
    )
