"""The reader points at bones and outlines; the program searches, and proposes.

Commands of mouse and keyboard end here as in the controller. A search runs where `run` puts
it: in a thread of the window, or at once. What came of it is one edit of the record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal

from ifspace.automatic import only_proposed
from ifspace.geometry import Floats
from ifspace.landmarks import Bone, FoundSide, OutlinePoint
from ifspace.model import MARKS_OF_KIND, Kind, Mark, Seed, SeedName, Session, Side, Volume
from ifspace.reading import edits, searches
from ifspace.reading.edits import RefusedError, State
from ifspace.reading.placement import SlicePoint
from ifspace.reading.record import Record
from ifspace.reading.searches import Answers, Question, question_of
from ifspace.reading.seeding import SEED_ORDER, Seeding
from ifspace.reading.steps import Step

BONE_WORDS = {Bone.FEMUR: "femur", Bone.ISCHIUM: "ischium"}

Run = Callable[[Callable[[], Any], Callable[[Any], None]], Any]


@dataclass(frozen=True, eq=False)
class HeldOutline:
    """An outline that the mouse holds at one point, and where the point is now."""

    side: Side
    bone: Bone
    slice_index: int
    point_lps_mm: Floats


@dataclass(frozen=True, eq=False)
class Task:
    """A search that waits or runs.

    `action` names the edit that is made of its answer; without one the answer is only looked up.
    A correction that leads to no answer is not made.
    """

    question: Question
    action: str = ""
    correction: bool = False


def _at_once(slow: Callable[[], Any], done: Callable[[Any], None]) -> None:
    done(slow())


class Proposer:
    """What the program is asked for, and what it proposes.

    Attributes
    ----------
    seeding
        The rough points that clicks are asked for; nothing while clicks place marks.
    held
        The outline point under the mouse while it is dragged.
    level_hint
        Slices that seem to show the lesser trochanter, where nobody has pointed yet.
    run
        Does slow work and hands over what came of it.
    """

    said = Signal(str, bool)
    changed = Signal()
    pointed = Signal()
    proposed = Signal(int)

    def __init__(self, volume: Volume, record: Record) -> None:
        """Ask about one series and its reading."""
        self.volume = volume
        self.record = record
        self.answers = Answers(volume)
        self.run: Run = _at_once
        self.seeding: Seeding | None = None
        self.held: HeldOutline | None = None
        self.level_hint: Mapping[Side, tuple[int, int]] = {}
        self._closed = False
        self._running: Task | None = None
        self._waiting: list[Task] = []

    # -------------------------------------------------------------------------------- what is known

    @property
    def found(self) -> dict[Side, FoundSide]:
        """What the program found for the reading being made, where it has looked."""
        return self.answers.of(self.record.state)

    @property
    def searching(self) -> bool:
        """Whether an answer is on its way."""
        return self._running is not None

    def measured(self, session: Session) -> tuple[Session, dict[Side, FoundSide]]:
        """Give a reading as it is to be assessed, with what was found before for it."""
        state = self.record.state.with_session(session)
        counted = edits.portable(session, state.dragged)
        found = self.answers.of(state)
        return searches.shown_marks(counted, found), found

    def hint(self, levels: Mapping[Side, tuple[int, int]]) -> None:
        """Note where the lesser trochanters seem to be, before anybody has pointed."""
        self.level_hint = levels
        self.changed.emit()

    # -------------------------------------------------------------------------------- rough points

    def ask_seeds(self, side: Side) -> None:
        """Let the next clicks be rough points in the marrow, for a proposal."""
        self._ask(Seeding(side))

    def ask_further_seed(self, step: Step) -> None:
        """Let the next click be another point in the bone of a step, to correct its outline."""
        if question_of(self.volume, self.record.state, step.side) is None:
            self.said.emit(f"Ask for proposals on the {step.side.value} first (P).", False)
            return
        ischial = step.name is MARKS_OF_KIND[step.kind][0]
        bone = SeedName.ISCHIUM_MARROW if ischial else SeedName.FEMUR_MARROW
        self._ask(Seeding(step.side, (bone,)))

    def _ask(self, seeding: Seeding) -> None:
        self.seeding = seeding
        self.said.emit(seeding.question, False)

    def stop(self) -> bool:
        """Ask for no more points; tells whether any were asked for."""
        if self.seeding is None:
            return False
        self.seeding = None
        self.said.emit("No proposal is made.", False)
        return True

    def take(self, spot: SlicePoint) -> bool:
        """Take a click as the point asked for; tells whether one was asked for."""
        if self.seeding is None:
            return False
        try:
            answered = self.seeding.answered(self.volume, self.record.session, spot)
        except RefusedError as refusal:
            self.said.emit(str(refusal), True)
            return True
        if answered.asked:
            self._ask(answered)
            return True
        self.seeding = None
        further = len(answered.seeds) < len(SEED_ORDER)
        self._seeded(answered.side, answered.seeds, further=further)
        return True

    def _seeded(self, side: Side, seeds: tuple[Seed, ...], *, further: bool) -> None:
        state = self.record.state
        before = question_of(self.volume, state, side)
        level_range = edits.level_range_of(self.volume, state.session, side)
        if further and before is not None:
            question = replace(before, seeds=(*before.seeds, *seeds))
            self._search(Task(question, f"add seed, {side.value}", correction=True))
        else:
            self._search(Task(Question(side, seeds, level_range), f"propose, {side.value}"))

    # ------------------------------------------------------------------------------------ outlines

    def hold(self, held: HeldOutline) -> bool:
        """Take an outline by one point; tells whether it can be corrected."""
        kinds = [kind for kind in Kind if only_proposed(self.record.session, kind, held.side)]
        if not kinds:
            self.said.emit(
                f"Both spaces on the {held.side.value} are measured by your own marks: "
                "unconfirm or remove them to correct the outline.",
                True,
            )
            return False
        self.held = held
        self.pointed.emit()
        return True

    def drag(self, point_lps_mm: Floats) -> None:
        """Carry the held point along."""
        if self.held is not None:
            self.held = replace(self.held, point_lps_mm=point_lps_mm)
            self.pointed.emit()

    def drop(self) -> None:
        """Let the outline pass where the held point is now."""
        held, self.held = self.held, None
        question = None
        if held is not None:
            question = question_of(self.volume, self.record.state, held.side)
        if held is not None and question is not None:
            point = OutlinePoint(held.bone, held.side, held.point_lps_mm)
            action = f"drag outline of the {BONE_WORDS[held.bone]}, {held.side.value}"
            corrected = replace(question, points=(*question.points, point))
            self._search(Task(corrected, action, correction=True))
        self.pointed.emit()

    # ------------------------------------------------------------------------------------ decisions

    def reject(self, side: Side) -> None:
        """Take the proposals of one side away, with the points that they began from."""
        state = self.record.state
        self.record.do(f"reject proposals, {side.value}", lambda: edits.rejected(state, side))
        self.changed.emit()
        self.said.emit(
            f"The proposals on the {side.value} are rejected; undo brings them back.", False
        )

    def catch_up(self) -> None:
        """Search what a reading calls for that was loaded, recovered or given another level."""
        asked = [task.question.key for task in (*self._waiting, self._running) if task is not None]
        for side in Side:
            question = question_of(self.volume, self.record.state, side)
            if question is None or question.key in asked:
                continue
            found = self.answers.known(question)
            if found is None:
                self._search(Task(question))

    # ------------------------------------------------------------------------------------- searches

    def _search(self, task: Task) -> None:
        # A newer question about a side makes a waiting one of that side idle.
        self._waiting = [w for w in self._waiting if w.question.side is not task.question.side]
        self._waiting.append(task)
        self._next()

    def _next(self) -> None:
        if self._running is not None or not self._waiting:
            return
        task = self._running = self._waiting.pop(0)
        known = self.answers.known(task.question)
        if known is not None:
            self._answered(task, known)
            return
        self.said.emit(f"Looking for the borders on the {task.question.side.value} …", False)
        self.run(
            lambda: self.answers.search(task.question), lambda found: self._answered(task, found)
        )

    def close(self) -> None:
        """Make nothing more of answers: the reading has been put away."""
        self._closed = True
        self._waiting.clear()

    def _answered(self, task: Task, found: FoundSide) -> None:
        self._running = None
        if self._closed:
            return
        self.answers.keep(task.question, found)
        if task.correction and found.refusal is not None:
            self.said.emit(f"Nothing was changed: {found.refusal.detail}.", True)
        elif task.action:
            self._propose(task, found)
        else:
            self._update(task, found)
        self._next()

    def _propose(self, task: Task, found: FoundSide) -> None:
        question, state = task.question, self.record.state
        marks = searches.marks_of(self.answers, question, found)
        self.record.do(
            task.action,
            lambda: edits.pointed_at(state, question.side, question.seeds, question.points, marks),
        )
        self.changed.emit()
        if task.correction:
            # The reader looks at the slice that was corrected, and goes on looking there.
            self.said.emit(searches.words_of_correction(self.volume, question, found), False)
            return
        self.proposed.emit(searches.slice_to_judge(question, found, self.volume))
        self.said.emit(searches.words_of(found), not marks)

    def _update(self, task: Task, found: FoundSide) -> None:
        """Bring proposed marks in line with an answer, unless the reader went back in time."""
        question, state = task.question, self.record.state
        current = question_of(self.volume, state, question.side)
        if current is None or current.key != question.key:
            return
        marks = searches.marks_of(self.answers, question, found)
        if not self.record.history.can_redo:
            self._replace_marks(state, question.side, marks)
        self.changed.emit()
        self.said.emit(searches.words_of(found), not marks)

    def _replace_marks(self, state: State, side: Side, marks: tuple[Mark, ...]) -> None:
        after = edits.proposed(state, side, marks)
        if not searches.same_marks(state.session.marks, after.session.marks):
            self.record.do(f"update proposals, {side.value}", lambda: after)
