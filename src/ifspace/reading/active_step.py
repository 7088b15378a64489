"""The step to mark next, and the mark that keys act on."""

from __future__ import annotations

from collections.abc import Callable

from psygnal import Signal

from ifspace.model import Mark, Side, Volume
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
        self.unattended: Callable[[], str | None] = lambda: None
        self.covered: str | None = None

    @property
    def blocked(self) -> str | None:
        """Why no mark may be placed or moved now; nothing most of the time."""
        return self.unattended() or self.covered

    def choose(self, step: Step | None) -> None:
        """Take a active step; its mark, if there is one, becomes the selected one."""
        self.step = step
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
        self.selected = None
        self.changed.emit()

    def walk(self, direction: int) -> None:
        """Go to the next or the previous step of the list, done or not."""
        here = STEPS.index(self.step) if self.step is not None else -1
        self.choose(STEPS[(here + direction) % len(STEPS)])

    def select(self, mark: Mark | None) -> None:
        """Choose the mark that keys act on."""
        self.selected = mark
        self.changed.emit()

    def go_on(self) -> None:
        """Take the step after the active one that has no mark and was not left out."""
        self.step = next_step(self.record.session.marks, self.step, self.skipped)

    def start_over(self) -> None:
        """Begin again with the first step that has no mark yet, and no mark selected."""
        self.skipped = set(self.absent)
        self.selected = None
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
