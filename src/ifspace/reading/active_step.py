"""The step to mark next, and the mark that keys act on."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from ifspace.model import Mark, MarkState, Side, Volume
from ifspace.reading import edits
from ifspace.reading.record import Record
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import STEPS, Step, next_step, step_of


class ActiveStep:
    """Goes through the list of steps; changes no mark.

    Attributes
    ----------
    step
        The mark that the next click places; nothing when all is done.
    selected
        The mark that keys act on.
    skipped
        The steps that were left out.
    absent
        The steps of a hip that the images do not show; they are left out from the beginning.
    keep_levels
        Whether marks on other slices stay when a step is repeated.
    moving
        Whether the reader asked that the next click moves the mark of the step.
    unattended
        Tells why the reader could not see what a change does; nothing while they can.
    covered
        Why no mark may be placed or moved on what is in view; nothing most of the time.
    """

    changed = Signal()

    def __init__(self, volume: Volume, record: Record) -> None:
        """Begin with the first step that has no mark yet."""
        self.volume = volume
        self.record = record
        self.step: Step | None = next_step(record.session.marks, None)
        self.selected: Mark | None = None
        self.skipped: set[Step] = set()
        self.absent: frozenset[Step] = frozenset()
        self.keep_levels = False
        self.moving = False
        self.unattended: Callable[[], str | None] = lambda: None
        self.covered: str | None = None

    @property
    def blocked(self) -> str | None:
        """Why no mark may be placed or moved now; nothing most of the time."""
        return self.unattended() or self.covered

    def is_armed(self, slice_index: int) -> bool:
        """Tell whether a click on a slice sets a mark: one that is missing, or asked to move."""
        if self.step is None or self.moving:
            return self.moving
        mine = [mark for mark in self.record.session.marks if step_of(mark) == self.step]
        if self.keep_levels:
            return all(slice_of(self.volume, mark) != slice_index for mark in mine)
        return not mine

    def move(self) -> bool:
        """Let the next click move the mark of the selection or step; tells if there is one."""
        if self.selected is not None:
            self.step = step_of(self.selected)
        self.moving = self.step in {step_of(mark) for mark in self.record.session.marks}
        self.changed.emit()
        return self.moving

    def choose(self, step: Step | None) -> None:
        """Make a step the active one; its mark, if there is one, becomes the selected one."""
        self.step, self.moving = step, False
        self.skipped.discard(step) if step is not None else None
        marks = [mark for mark in self.record.session.marks if step_of(mark) == step]
        self.selected = marks[0] if marks else None
        self.changed.emit()

    def skip(self) -> None:
        """Leave the active step out and go on."""
        if self.step is None:
            return
        self.skipped.add(self.step)
        following = [*STEPS[STEPS.index(self.step) :], *STEPS[: STEPS.index(self.step)]]
        done = {step_of(mark) for mark in self.record.session.marks} | self.skipped
        self.step = next((step for step in following if step not in done), None)
        self.selected, self.moving = None, False
        self.changed.emit()

    def walk(self, direction: int) -> None:
        """Go to the next or the previous step of the list, done or not."""
        here = STEPS.index(self.step) if self.step is not None else -1
        self.choose(STEPS[(here + direction) % len(STEPS)])

    def next_open(self) -> Step | None:
        """Find the next step, going round, whose mark is missing or not confirmed."""
        here = STEPS.index(self.step) if self.step is not None else -1
        settled = set(self.skipped)
        for step in STEPS:
            marks = [mark for mark in self.record.session.marks if step_of(mark) == step]
            if marks and all(mark.state is MarkState.CONFIRMED for mark in marks):
                settled.add(step)
        order = (*STEPS[here + 1 :], *STEPS[: here + 1])
        return next((step for step in order if step not in settled), None)

    def select(self, mark: Mark | None) -> None:
        """Choose the mark that keys act on."""
        self.selected, self.moving = mark, False
        self.changed.emit()

    def go_on(self) -> None:
        """Take the step after the active one that has no mark and was not left out."""
        self.moving = False
        self.step = next_step(self.record.session.marks, self.step, self.skipped)

    def go_back_to_open_step(self) -> None:
        """Leave a step whose mark is there again for the first one without a mark."""
        self.moving = False
        marks = self.record.session.marks
        if self.step is None or any(step_of(mark) == self.step for mark in marks):
            self.step = next_step(marks, None, self.skipped)

    def start_over(self) -> None:
        """Begin again with the first step that has no mark yet, and no mark selected."""
        self.skipped = set(self.absent)
        self.selected, self.moving = None, False
        self.step = next_step(self.record.session.marks, None, self.skipped)
        self.changed.emit()

    def leave_out(self, side: Side) -> None:
        """Leave out the steps of a hip that the images do not show; each can still be chosen."""
        self.absent = frozenset(step for step in STEPS if step.side is side)
        self.skipped |= self.absent
        if self.step in self.absent:
            self.step = next_step(self.record.session.marks, None, self.skipped)
        self.changed.emit()

    def keep(self, mark: Mark | None) -> None:
        """Select a mark that may have changed its state or place since."""
        self.selected = None
        if mark is not None:
            at = slice_of(self.volume, mark)
            self.selected = edits.mark_at(self.volume, self.record.session, step_of(mark), at)
