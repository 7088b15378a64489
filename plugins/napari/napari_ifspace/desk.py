"""The reader's desk: one series, its reading, the step in hand. Knows neither Qt nor napari.

Every command of window, mouse and keyboard ends in one method here. A command that must not
happen changes nothing and says why through `said`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from psygnal import Signal

from ifspace.geometry import Floats, Segment
from ifspace.measure import level_range_indices, side_of_pair, side_of_point
from ifspace.model import (
    MARKS_OF_KIND,
    Mark,
    MarkState,
    Seed,
    SeedName,
    Session,
    Side,
    Volume,
)
from napari_ifspace import reading
from napari_ifspace.history import History
from napari_ifspace.journal import Journal, Unfinished
from napari_ifspace.layers import display_of, nudged_lps_mm, slice_of
from napari_ifspace.proposals import SEED_ORDER, SEED_WORDS
from napari_ifspace.reading import RefusedError, State
from napari_ifspace.steps import LABELS, STEPS, Step, next_step, step_of


@dataclass(frozen=True, eq=False)
class Spot:
    """A point of a slice."""

    slice_index: int
    point_lps_mm: Floats


class Desk:
    """One series and its reading.

    Attributes
    ----------
    volume, display
        What is read, and how it is turned for the screen.
    step
        The mark that the next click places; nothing when all is done.
    selected
        The mark that keys act on.
    cross
        Whether the keyboard moves the cursor, so that it has to be drawn.
    keep_levels
        Whether marks on other slices stay when a step is repeated.
    """

    changed = Signal()
    pointed = Signal()
    said = Signal(str, bool)
    seeded = Signal()

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
        state = reading.empty_state(volume, reader)
        self.history = recovered.history if recovered is not None else History(state)
        self.journal = Journal(volume.series, self.history.state, journal_folder, recovered)
        self.history.listener = self._record
        self.skipped: set[Step] = set()
        self.step: Step | None = STEPS[0]
        self.selected: Mark | None = None
        self.keep_levels = False
        self.spot: Spot | None = None
        self.cross = False
        self.asked: tuple[SeedName, ...] = ()
        self.seeds: tuple[Seed, ...] = ()
        self.seed_side = Side.RIGHT
        self.preview: State | None = None
        self.unsaved = recovered is not None
        if session is not None:
            self.load(session)
        self.step = next_step(self.session.marks, None)

    # ------------------------------------------------------------------------------- looking

    @property
    def state(self) -> State:
        """Everything decided."""
        return self.history.state

    @property
    def session(self) -> Session:
        """The reading being made."""
        return self.history.state.session

    @property
    def shown(self) -> Session:
        """The reading as it would be if the mark under the cursor were set down now."""
        return (self.preview or self.history.state).session

    @property
    def wants_mark(self) -> bool:
        """Whether the next click sets something new: a seed, or a mark that is not there yet."""
        if self.asked:
            return True
        return self.step is not None and all(
            step_of(mark) != self.step for mark in self.session.marks
        )

    def slice_of_step(self, step: Step) -> int | None:
        """Tell which slice a step's mark is on, or else its partner's."""
        for wanted in (step, step.partner):
            for mark in self.session.marks:
                if step_of(mark) == wanted:
                    return slice_of(self.volume, mark)
        return None

    def level_range(self, side: Side) -> tuple[int, int] | None:
        """Tell which slices show the lesser trochanter of one side, where the reader said so."""
        try:
            return level_range_indices(self.volume, self.session, side)
        except ValueError:
            return None

    # ------------------------------------------------------------------------------- pointing

    def point(self, spot: Spot | None, *, by_key: bool = False) -> None:
        """Follow the cursor: the distance is shown as if the step's mark were there."""
        self.spot = spot
        self.cross = by_key
        self.preview = None
        ready = spot is not None and self.step is not None and not self.asked
        if ready and spot is not None and self.step is not None and self._partner_on(spot):
            try:
                self.preview = self._with_mark(spot, self.step)
            except RefusedError:
                self.preview = None
        self.pointed.emit()

    def release(self, slice_index: int) -> None:
        """Let go of the selected mark; the cross that the keys move starts where it was.

        While a seed is asked for, stop asking instead.
        """
        if self.asked:
            self.asked = ()
            self.say("No proposal is made.")
            return
        plane = self.volume.slices[slice_index].plane
        rows, columns = plane.shape_ji
        start_lps_mm = plane.to_lps_mm([(rows - 1) / 2.0, (columns - 1) / 2.0])
        if self.selected is not None:
            start_lps_mm = plane.foot_lps_mm(self.selected.position_lps_mm)
        elif self.spot is not None:
            start_lps_mm = plane.foot_lps_mm(self.spot.point_lps_mm)
        self.selected = None
        self._changed()
        self.point(Spot(slice_index, start_lps_mm), by_key=True)

    def carry(self, slice_index: int) -> None:
        """Take the cross of the keyboard along to another slice."""
        if self.spot is not None and self.cross:
            plane = self.volume.slices[slice_index].plane
            self.point(Spot(slice_index, plane.foot_lps_mm(self.spot.point_lps_mm)), by_key=True)

    def drag(self, mark: Mark, spot: Spot) -> None:
        """Show a mark somewhere else without moving it yet."""
        self.spot = spot
        try:
            self.preview = reading.moved(self.state, self.volume, mark, spot.point_lps_mm)
        except RefusedError:
            self.preview = None
        self.pointed.emit()

    def _partner_on(self, spot: Spot) -> bool:
        partner = self.step.partner if self.step else None
        return partner is not None and (
            reading.mark_at(self.volume, self.session, partner, spot.slice_index) is not None
        )

    def _with_mark(self, spot: Spot, step: Step) -> State:
        return reading.placed(
            self.state,
            self.volume,
            step,
            spot.point_lps_mm,
            spot.slice_index,
            keep_levels=self.keep_levels,
        )

    # ---------------------------------------------------------------------------------- marks

    def place(self, spot: Spot) -> None:
        """Set the mark of the step in hand down, and go on to the next step."""
        if self.asked:
            self._seed(spot)
            return
        step = self.step
        if step is None:
            self.say("All steps are done; choose a step in the list to place its mark again.")
            return

        def after() -> State:
            self._refuse_wrong_place(spot, step)
            return self._with_mark(spot, step)

        if self._do(f"place {step.title.lower()}", after):
            self.cross = False
            self.selected = reading.mark_at(self.volume, self.session, step, spot.slice_index)
            self.step = next_step(self.session.marks, step, self.skipped)
            self._changed()
            self.say(f"Next: {self.step.title.lower()}." if self.step else "All steps are done.")
            self._warn_about_slices(step)

    def move(self, mark: Mark, point_lps_mm: Floats) -> None:
        """Move a mark within its slice."""
        step, slice_index = step_of(mark), slice_of(self.volume, mark)

        def after() -> State:
            self._refuse_wrong_place(Spot(slice_index, point_lps_mm), step)
            return reading.moved(self.state, self.volume, mark, point_lps_mm)

        if self._do(f"move {step.title.lower()}", after):
            self.selected = reading.mark_at(self.volume, self.session, step, slice_index)
        self._changed()

    def nudge(self, down: float, right: float) -> None:
        """Move the selected mark, or else the cross of the keyboard, by displayed pixels."""
        mark = self.selected
        if mark is not None:
            slice_index = slice_of(self.volume, mark)
            start_lps_mm = mark.position_lps_mm
        elif self.spot is not None:
            slice_index, start_lps_mm = self.spot.slice_index, self.spot.point_lps_mm
        else:
            self.say("Choose a mark first, or move the mouse over the image.")
            return
        point_lps_mm = nudged_lps_mm(
            start_lps_mm, slice_index, self.volume, self.display, down=down, right=right
        )
        if mark is not None:
            self.move(mark, point_lps_mm)
        else:
            self.point(Spot(slice_index, point_lps_mm), by_key=True)

    def remove_selected(self) -> None:
        """Take the selected mark away."""
        mark = self.selected
        if mark is None:
            self.say("Choose the mark to remove first.")
            return
        step = step_of(mark)
        if self._do(f"remove {step.title.lower()}", lambda: reading.removed(self.state, mark)):
            self.selected = None
            self.step = step
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
        self._do(action, lambda: reading.with_mark_state(self.state, marks, to))
        self.selected = self._again(kept)
        self._changed()

    def _selection(self) -> tuple[Mark, ...]:
        return () if self.selected is None else (self.selected,)

    # ---------------------------------------------------------------------------------- steps

    def choose(self, step: Step | None) -> None:
        """Take a step in hand; its mark, if there is one, becomes the selected one."""
        self.step = step
        self.skipped.discard(step) if step is not None else None
        marks = [mark for mark in self.session.marks if step_of(mark) == step]
        self.selected = marks[0] if marks else None
        self._changed()

    def skip(self) -> None:
        """Leave the step in hand out and go on."""
        if self.step is None:
            return
        self.skipped.add(self.step)
        following = [*STEPS[STEPS.index(self.step) :], *STEPS[: STEPS.index(self.step)]]
        done = {step_of(mark) for mark in self.session.marks} | self.skipped
        self.step = next((step for step in following if step not in done), None)
        self.selected = None
        self._changed()

    def walk(self, direction: int) -> None:
        """Go to the next or the previous step of the list, done or not."""
        here = STEPS.index(self.step) if self.step is not None else -1
        self.choose(STEPS[(here + direction) % len(STEPS)])

    def select(self, mark: Mark | None) -> None:
        """Choose the mark that keys act on."""
        self.selected = mark
        self._changed()

    # ---------------------------------------------------------------- everything that is no mark

    def set_level_end(self, side: Side, slice_index: int, *, first: bool) -> None:
        """Set the first or the last slice that shows the lesser trochanter."""
        self._do(
            f"set {'first' if first else 'last'} level slice, {side.value}",
            lambda: reading.with_level_end(self.state, self.volume, side, slice_index, first=first),
        )
        self._changed()

    def note_finding(self, side: Side, finding: str, code: str | None) -> None:
        """Note a companion finding."""
        self._do(
            f"note {finding}, {side.value}",
            lambda: reading.with_finding(self.state, side, finding, code),
        )
        self._changed()

    def note_acquisition(self, fact: str, code: str | None) -> None:
        """Note how the patient lay."""
        self._do(f"note {fact}", lambda: reading.with_acquisition(self.state, fact, code))
        self._changed()

    def set_reader(self, reader: str) -> None:
        """Say who reads."""
        self._do("set reader", lambda: reading.with_reader(self.state, reader.strip()))
        self._changed()

    def sign(self) -> bool:
        """Sign the reading, if every mark is confirmed."""
        at = datetime.now(UTC).isoformat(timespec="seconds")
        done = self._do("sign", lambda: reading.signed(self.state, at))
        self._changed()
        return done

    def begin_second_reading(self, reader: str) -> bool:
        """Hide this reading and begin an independent one."""
        done = self._do(
            "begin second reading",
            lambda: reading.second_reading(self.state, self.volume, reader.strip()),
        )
        if done:
            self._restart()
        return done

    def show_reading(self, index: int) -> None:
        """Go to another reading."""
        self._do("show another reading", lambda: reading.shown_reading(self.state, index))
        self._restart()

    def ask_seeds(self, side: Side) -> None:
        """Let the next clicks be rough points in the marrow, for a proposal."""
        self.asked, self.seeds, self.seed_side = SEED_ORDER, (), side
        self._ask_next_seed()

    def _ask_next_seed(self) -> None:
        self.say(f"Click {SEED_WORDS[self.asked[0]]}, {self.seed_side.value} side; Esc stops.")

    def _seed(self, spot: Spot) -> None:
        side = side_of_point(self.volume, spot.point_lps_mm, self.session.marks)
        if side is not None and side is not self.seed_side:
            self.say(
                f"This point lies on the patient's {side.value}; click on the "
                f"{self.seed_side.value}, or press Esc.",
                warning=True,
            )
            return
        source = self.volume.slices[spot.slice_index].source
        seed = Seed(self.asked[0], self.seed_side, spot.point_lps_mm, source.sop_instance_uid)
        self.seeds, self.asked = (*self.seeds, seed), self.asked[1:]
        if self.asked:
            self._ask_next_seed()
        else:
            self.seeded.emit()

    def propose(self, marks: tuple[Mark, ...]) -> None:
        """Show what the library proposes."""
        self._do("add proposals", lambda: reading.proposed(self.state, marks))
        self._restart()
        waiting = [mark for mark in self.session.marks if mark.state is MarkState.PROPOSED]
        if waiting:
            self.choose(step_of(waiting[0]))

    def load(self, session: Session) -> None:
        """Take a session from a file in place of the reading being made."""
        self._do("load session", lambda: self.state.with_session(session))
        self._restart()

    def undo(self) -> None:
        """Take the last edit back."""
        self._step_in_time(self.history.undo, "Undone", "There is nothing to undo.")

    def redo(self) -> None:
        """Repeat the last edit taken back."""
        self._step_in_time(self.history.redo, "Done again", "There is nothing to redo.")

    def saved(self) -> None:
        """Remember that the reading has been written to a place of the reader's choice."""
        self.unsaved = False
        self._changed()

    # -------------------------------------------------------------------------------- plumbing

    def say(self, message: str, *, warning: bool = False) -> None:
        """Tell the reader something."""
        self.said.emit(message, warning)

    def _step_in_time(self, go: Callable[[], str | None], done: str, nothing: str) -> None:
        kept = self.selected
        action = go()
        if action is None:
            self.say(nothing)
            return
        self.unsaved = True
        self.selected = self._again(kept)
        self.preview = None
        if self.step is None or any(step_of(m) == self.step for m in self.session.marks):
            self.step = next_step(self.session.marks, None, self.skipped)
        self._changed()
        self.say(f"{done}: {action}.")

    def _again(self, mark: Mark | None) -> Mark | None:
        """Find a mark again after its state or place changed."""
        if mark is None:
            return None
        slice_index = slice_of(self.volume, mark)
        return reading.mark_at(self.volume, self.session, step_of(mark), slice_index)

    def _restart(self) -> None:
        self.skipped.clear()
        self.selected = None
        self.preview = None
        self.step = next_step(self.session.marks, None)
        self._changed()

    def _do(self, action: str, after: Callable[[], State]) -> bool:
        try:
            done = self.history.do(action, after())
        except RefusedError as refusal:
            self.say(str(refusal), warning=True)
            return False
        self.unsaved = self.unsaved or done
        return done

    def _changed(self) -> None:
        self.preview = None
        self.changed.emit()

    def _record(self, kind: str, action: str, before: State, after: State) -> None:
        had_problem = self.journal.problem
        self.journal.record(kind, action, before, after)
        if self.journal.problem is not None and self.journal.problem != had_problem:
            self.say(self.journal.problem, warning=True)

    def _refuse_wrong_place(self, spot: Spot, step: Step) -> None:
        plane = self.volume.slices[spot.slice_index].plane
        if not plane.shows(spot.point_lps_mm):
            raise RefusedError("This point lies outside the image; nothing was changed.")
        side = self._side_of(spot, step)
        if side is not None and side is not step.side:
            raise RefusedError(
                f"This point lies on the patient's {side.value}, the step asks for the "
                f"{step.title.lower()}; nothing was changed."
            )

    def _side_of(self, spot: Spot, step: Step) -> Side | None:
        """Ask the library which hip a point belongs to: by its partner, else by marks and body."""
        others = tuple(mark for mark in self.session.marks if step_of(mark) != step)
        partner = reading.mark_at(self.volume, self.session, step.partner, spot.slice_index)
        if partner is not None:
            ends = (spot.point_lps_mm, partner.position_lps_mm)
            ischial_first = MARKS_OF_KIND[step.kind][0] is step.name
            side = side_of_pair(Segment(*(ends if ischial_first else ends[::-1])))
            if side is not None and side is not step.side:
                return side
        return side_of_point(self.volume, np.asarray(spot.point_lps_mm), others)

    def _warn_about_slices(self, step: Step) -> None:
        names = MARKS_OF_KIND[step.kind]
        slices = {
            name: {
                slice_of(self.volume, mark)
                for mark in self.session.marks
                if mark.name is name and mark.side is step.side
            }
            for name in names
        }
        first, second = (slices[name] for name in names)
        if first and second and not first & second:
            shown = [str(min(found) + 1) for found in (first, second)]
            self.say(
                f"The two marks of this space lie on different slices ({LABELS[names[0]].lower()} "
                f"on {shown[0]}, {LABELS[names[1]].lower()} on {shown[1]}); place both on one.",
                warning=True,
            )
