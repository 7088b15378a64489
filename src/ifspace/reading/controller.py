"""The reading of one series and the step at work. Knows neither Qt nor napari.

Every command of window, mouse and keyboard ends in one method here. A command that must not
happen changes nothing and says why through `said`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from psygnal import Signal

from ifspace.geometry import Floats
from ifspace.model import Mark, MarkState, Session, Volume
from ifspace.reading import edits
from ifspace.reading.active_step import ActiveStep
from ifspace.reading.blinding import ABANDON_FIRST
from ifspace.reading.cursor import Cursor
from ifspace.reading.edits import State
from ifspace.reading.history import History
from ifspace.reading.journal import Journal, Unfinished
from ifspace.reading.mark_changes import in_words, mark_changes
from ifspace.reading.notes import Notes
from ifspace.reading.placement import SlicePoint, refuse_wrong_place, slices_apart
from ifspace.reading.plausibility import OVERRULED, new_doubts
from ifspace.reading.proposer import Proposer
from ifspace.reading.readings import Readings
from ifspace.reading.record import Record
from ifspace.reading.screen import display_of, nudged_lps_mm, slice_of
from ifspace.reading.snapping import SnapOutcome, Snapper
from ifspace.reading.steps import Step, step_of

__all__ = ["ReadingController", "SlicePoint"]


class ReadingController:
    """One series and its reading.

    Attributes
    ----------
    volume, display
        What is read, and how it is turned for the screen.
    record, notes, proposer, snapper
        Every edit and its log; what is noted beside the marks; what the program proposes; what
        brings marks to their edges.
    settled
        Emitted with a refusal that does not hold any more, and the words that take its place.
    active_step, cursor
        The step and the mark that commands act on; where the reader points.
    overrule
        Asks the reader whether what looks like a slip is meant; the log keeps what was overruled.
    slice_wanted
        Emitted with the slice that shows what undo or redo changed.
    """

    changed = Signal()
    pointed = Signal()
    said = Signal(str, bool)
    settled = Signal(str, str)
    slice_wanted = Signal(int)

    def __init__(
        self,
        volume: Volume,
        *,
        reader: str | None = None,
        recovered: Unfinished | None = None,
        session: Session | None = None,
        journal_folder: Path | None = None,
    ) -> None:
        """Begin, or go on with, a reading."""
        self.volume = volume
        self.display = display_of(volume)
        state = edits.empty_state(volume, reader)
        self.record = Record(volume, state, journal_folder, recovered)
        self.record.said.connect(self._heard)
        self.record.accepted.connect(self._settle)
        self.notes = Notes(volume, self.record)
        self.notes.changed.connect(self._changed)
        self.proposer = Proposer(volume, self.record)
        self.proposer.said.connect(self._heard)
        self.proposer.changed.connect(self._changed)
        self.proposer.pointed.connect(self._pointed)
        self.proposer.proposed.connect(self._select_proposal)
        self.snapper = Snapper(volume, self.record)
        self.active_step = ActiveStep(volume, self.record)
        self.active_step.changed.connect(self._changed)
        self.active_step.changed.connect(self._settle)
        self.overrule: Callable[[str], bool] = lambda _question: True
        self._refused = ""
        self.cursor = Cursor(volume, self.record, self.active_step, self.proposer)
        self.cursor.pointed.connect(self._pointed)
        self.readings = Readings(volume, self.record, self.active_step)
        self.readings.said.connect(self._heard)
        if session is not None:
            self.load(session)

    # ------------------------------------------------------------------------------- looking

    @property
    def history(self) -> History:
        """Every edit."""
        return self.record.history

    @property
    def journal(self) -> Journal:
        """The log of the edits."""
        return self.record.journal

    @property
    def unsaved(self) -> bool:
        """Whether there are edits in no file of the reader's choice."""
        return self.record.unsaved

    @property
    def state(self) -> State:
        """Everything decided."""
        return self.record.state

    @property
    def session(self) -> Session:
        """The reading being made."""
        return self.record.session

    @property
    def step(self) -> Step | None:
        """The mark that the next click places; nothing when all is done."""
        return self.active_step.step

    @property
    def selected(self) -> Mark | None:
        """The mark that keys act on."""
        return self.active_step.selected

    def takes_click(self, slice_index: int) -> bool:
        """Tell whether a click on a slice sets something: a seed, or the mark of the step."""
        return self.proposer.seeding is not None or self.active_step.is_armed(slice_index)

    @property
    def blind(self) -> bool:
        """Whether the marks of earlier readers must stay hidden from the reader."""
        return self.readings.blind

    def slice_of_step(self, step: Step) -> int | None:
        """Tell which slice a step's mark is on, or else its partner's."""
        for wanted in (step, step.partner):
            for mark in self.session.marks:
                if step_of(mark) == wanted:
                    return slice_of(self.volume, mark)
        return None

    # ---------------------------------------------------------------------------------- marks

    def place(self, spot: SlicePoint) -> None:
        """Set the mark of the active step down where it is wanted, and go on to the next step."""
        if self._is_blocked() or self.proposer.take(spot):
            return
        step = self.step
        if step is None:
            self.say("All steps are done; choose one in the list to read or move its mark.")
            return
        if not self.active_step.is_armed(spot.slice_index):
            self.say(
                f"Nothing was placed: the {step.title.lower()} has its mark. Drag it, use the "
                "arrow keys, or press M and click."
            )
            return

        def after() -> State:
            refuse_wrong_place(self.volume, self.session, spot, step)
            return self.cursor.with_mark(spot, step)

        if self._do_unless_doubted(f"place {step.title.lower()}", after):
            self.cursor.cross = False
            self.active_step.selected = edits.mark_at(
                self.volume, self.session, step, spot.slice_index
            )
            self.active_step.go_on()
            words = f"Next: {self.step.title.lower()}." if self.step else "All steps are done."
            if self.snapper.on and self.selected is not None:
                words = f"{self._carry_out(self.snapper.snap, self.selected).words} {words}"
            self._changed()
            self.say(words)
            apart = slices_apart(self.volume, self.session, step)
            if apart is not None:
                self.say(apart, warning=True)

    def move(self, mark: Mark, point_lps_mm: Floats) -> bool:
        """Move a mark within its slice; tells whether it went."""
        if self._is_blocked():
            return False
        step, slice_index = step_of(mark), slice_of(self.volume, mark)

        def after() -> State:
            spot = SlicePoint(slice_index, point_lps_mm)
            refuse_wrong_place(self.volume, self.session, spot, step)
            return edits.moved(self.state, self.volume, mark, point_lps_mm)

        done = self._do_unless_doubted(f"move {step.title.lower()}", after)
        if done:
            self.active_step.selected = edits.mark_at(self.volume, self.session, step, slice_index)
        self._changed()
        return done

    def _do_unless_doubted(self, action: str, after: Callable[[], State]) -> bool:
        """Carry an edit out; what looks like a slip, only if the reader says that it is meant."""
        state = self.record.attempt(after)
        if state is None:
            return False
        for question in new_doubts(self.volume, self.session, state.session):
            if not self.overrule(question):
                self.say("Nothing was changed.")
                return False
            action += f"{OVERRULED}{question}"
        return self.record.do(action, lambda: state)

    def ask_to_move(self) -> None:
        """Let the next click move the selected mark."""
        if not self.active_step.move():
            self.say("Choose the mark to move first.")
        elif self.step is not None:
            self.say(f"Click where the {self.step.title.lower()} belongs; Esc stops.")

    def drop(self, mark: Mark, point_lps_mm: Floats) -> None:
        """Let go of a dragged mark; it goes on to its edge where that is switched on."""
        if self.move(mark, point_lps_mm) and self.snapper.on:
            self.snap()

    def snap(self) -> None:
        """Bring the selected mark to the edge it stands for."""
        self._with_selected(self.snapper.snap)

    def unsnap(self) -> None:
        """Return the selected mark to where it was clicked."""
        self._with_selected(self.snapper.back)

    def _with_selected(self, act: Callable[[Mark], SnapOutcome]) -> None:
        if self._is_blocked():
            return
        if self.selected is None:
            self.say("Choose a mark first.")
            return
        said = self._carry_out(act, self.selected)
        self._changed()
        if said.words:
            self.say(said.words, warning=not said.done)

    def _carry_out(self, act: Callable[[Mark], SnapOutcome], mark: Mark) -> SnapOutcome:
        said = act(mark)
        self.active_step.keep(mark)
        return said

    def nudge(self, down: float, right: float) -> None:
        """Move the selected mark, or else the cross of the keyboard, by displayed pixels."""
        mark = self.selected
        if mark is not None:
            slice_index = slice_of(self.volume, mark)
            start_lps_mm = mark.position_lps_mm
        elif self.cursor.spot is not None:
            spot = self.cursor.spot
            slice_index, start_lps_mm = spot.slice_index, spot.point_lps_mm
        else:
            self.say("Choose a mark first, or move the mouse over the image.")
            return
        point_lps_mm = nudged_lps_mm(
            start_lps_mm, slice_index, self.volume, self.display, down=down, right=right
        )
        if mark is not None:
            self.move(mark, point_lps_mm)
        else:
            self.cursor.point(SlicePoint(slice_index, point_lps_mm), by_key=True)

    def remove_selected(self) -> None:
        """Take the selected mark away."""
        unattended = self.active_step.unattended()
        if unattended is not None:
            self.say(unattended, warning=True)
            return
        mark = self.selected
        if mark is None:
            self.say("Choose the mark to remove first.")
            return
        step = step_of(mark)
        if edits.rests_on_seeds(self.session, mark):
            self.active_step.selected, self.active_step.step = None, step
            self.proposer.reject(mark.side)
            return
        if self.record.do(f"remove {step.title.lower()}", lambda: edits.removed(self.state, mark)):
            self.active_step.selected, self.active_step.step = None, step
        self._changed()

    def confirm(self, *, everything: bool) -> None:
        """Confirm the selected mark or all marks of the reading."""
        marks = self.session.marks if everything else self._selection()
        if not marks:
            self.say("There is no mark to confirm yet." if everything else "Choose a mark first.")
            return
        action = "confirm all marks" if everything else f"confirm {step_of(marks[0]).title.lower()}"
        self._set_state(marks, MarkState.CONFIRMED, action)

    def unconfirm(self, *, everything: bool) -> None:
        """Take the confirmation of the selected mark or of all marks back."""
        chosen = self.session.marks if everything else self._selection()
        marks = tuple(mark for mark in chosen if mark.state is MarkState.CONFIRMED)
        if not marks:
            self.say("Nothing here is confirmed.")
            return
        action = "unconfirm marks" if everything else f"unconfirm {step_of(marks[0]).title.lower()}"
        self._set_state(marks, MarkState.PLACED, action)

    def _set_state(self, marks: tuple[Mark, ...], to: MarkState, action: str) -> None:
        kept = self.selected
        self.record.do(action, lambda: edits.with_mark_state(self.state, marks, to))
        self.active_step.keep(kept)
        self._changed()

    def _selection(self) -> tuple[Mark, ...]:
        return () if self.selected is None else (self.selected,)

    # -------------------------------------------------------------------------------- history

    def _select_proposal(self, _slice_index: int) -> None:
        waiting = [mark for mark in self.session.marks if mark.state is MarkState.PROPOSED]
        self.active_step.skipped = set(self.active_step.absent)
        if waiting:
            self.active_step.choose(step_of(waiting[0]))

    def load(self, session: Session) -> bool:
        """Take a session from a file in place of the reading being made; tells if it did."""
        return self.readings.load(session)

    def undo(self) -> None:
        """Take the last edit back; a blind reading is abandoned, not undone."""
        if self.blind and self.history.past and self.history.past[-1].begins_reading:
            self.say(ABANDON_FIRST, warning=True)
            return
        self._step_in_time(self.record.undo, "Undone", "There is nothing to undo.")

    def redo(self) -> None:
        """Repeat the last edit taken back."""
        self._step_in_time(self.record.redo, "Done again", "There is nothing to redo.")

    def saved(self) -> None:
        """Remember that the reading has been written to a place of the reader's choice."""
        self.record.unsaved = False
        self._changed()

    # -------------------------------------------------------------------------------- plumbing

    def say(self, message: str, *, warning: bool = False) -> None:
        """Tell the reader something."""
        self._heard(message, warning)

    def _is_blocked(self) -> bool:
        if self.active_step.blocked is not None:
            self.say(self.active_step.blocked, warning=True)
        return self.active_step.blocked is not None

    def _heard(self, message: str, warning: bool) -> None:
        self._refused = message if warning else ""
        self.said.emit(message, warning)

    def _settle(self, action: str = "") -> None:
        """Take a refusal back that what is done now has overtaken; what is not saved stays said."""
        if self._refused and self._refused != self.journal.problem:
            refused, self._refused = self._refused, ""
            short = action.split(OVERRULED)[0]
            self.settled.emit(refused, f"Done: {short}." if action else "")

    def _step_in_time(self, go: Callable[[], str | None], done: str, nothing: str) -> None:
        kept, before = self.selected, self.state
        action = go()
        if action is None:
            self.say(nothing)
            return
        changes = mark_changes(self.volume, before, self.state)
        if changes and changes[0].now is None:
            self.active_step.choose(changes[0].step)
        else:
            self.active_step.keep(changes[0].now if changes else kept)
            self.active_step.go_back_to_open_step()
        self._changed()
        if changes:
            self.slice_wanted.emit(changes[0].slice_index)
        self.say(f"{done}: {action.split(OVERRULED)[0]}.{in_words(changes)}")

    def _pointed(self) -> None:
        self.pointed.emit()

    def _changed(self) -> None:
        self.cursor.preview = None
        self.changed.emit()
