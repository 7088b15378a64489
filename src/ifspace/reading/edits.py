"""What the reader has decided so far, and every change of it. Pure: neither Qt nor napari.

A :class:`State` is frozen; an edit is a function from one state to the next. The window, the log
and the undo stack all work on states, so none of them can hold a mark that the others do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ifspace.automatic import only_proposed
from ifspace.geometry import Floats
from ifspace.landmarks import OutlinePoint
from ifspace.measurement import level_range_indices
from ifspace.model import (
    MARKS_OF_KIND,
    Mark,
    MarkState,
    Seed,
    Session,
    Side,
    Source,
    Volume,
)
from ifspace.reading.screen import slice_of
from ifspace.reading.steps import Step, step_of
from ifspace.workflow import sign


class RefusedError(Exception):
    """An edit that must not happen; its text is one sentence for the reader."""


@dataclass(frozen=True, eq=False)
class State:
    """All readings of one series, the oldest first, and which of them is being made.

    `points` holds for every reading the outline points that its reader dragged: session files
    have no place for them.
    """

    sessions: tuple[Session, ...]
    active: int = 0
    points: tuple[tuple[OutlinePoint, ...], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a state without a reading."""
        if not 0 <= self.active < len(self.sessions):
            message = f"reading {self.active} of {len(self.sessions)} does not exist"
            raise ValueError(message)
        missing = len(self.sessions) - len(self.points)
        object.__setattr__(self, "points", (*self.points, *((),) * missing))

    @property
    def session(self) -> Session:
        """The reading being made."""
        return self.sessions[self.active]

    @property
    def dragged(self) -> tuple[OutlinePoint, ...]:
        """The outline points of the reading being made."""
        return self.points[self.active]

    def with_session(self, session: Session) -> State:
        """Replace the reading being made."""
        changed = list(self.sessions)
        changed[self.active] = session
        return replace(self, sessions=tuple(changed))

    def with_dragged(self, points: tuple[OutlinePoint, ...]) -> State:
        """Replace the outline points of the reading being made."""
        changed = list(self.points)
        changed[self.active] = points
        return replace(self, points=tuple(changed))


def empty_state(volume: Volume, reader: str | None) -> State:
    """Begin a first reading of a series."""
    return State((_empty_session(volume, reader),))


def _empty_session(volume: Volume, reader: str | None) -> Session:
    series = volume.series
    return Session(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        reader=reader,
        image=volume.fingerprint,
    )


def slice_id(volume: Volume, slice_index: int) -> str:
    """Name a slice as sessions do: SOP Instance UID, UID#frame, or k=index outside DICOM."""
    return volume.slice_name(slice_index)


def level_range_of(volume: Volume, session: Session, side: Side) -> tuple[int, int] | None:
    """Give the level range that the reader set on one side, where its slices are there."""
    try:
        return level_range_indices(volume, session, side)
    except ValueError:
        return None


def mark_at(volume: Volume, session: Session, step: Step, slice_index: int) -> Mark | None:
    """Find the mark of a step on one slice."""
    return next(
        (
            mark
            for mark in session.marks
            if step_of(mark) == step and slice_of(volume, mark) == slice_index
        ),
        None,
    )


def placed(
    state: State,
    volume: Volume,
    step: Step,
    point_lps_mm: Floats,
    slice_index: int,
    *,
    keep_levels: bool = False,
) -> State:
    """Put the mark of a step at a patient point on a slice.

    Without `keep_levels` the mark of this step on any other slice goes: one pair per space. With
    it, each slice keeps its own mark, and the smallest distance becomes the headline.

    Raises
    ------
    RefusedError
        If a confirmed mark would have to move.
    """
    session = state.session
    here = mark_at(volume, session, step, slice_index)
    others = [mark for mark in session.marks if step_of(mark) == step]
    replaced = [here] if keep_levels else others
    for mark in replaced:
        if mark is not None and mark.state is MarkState.CONFIRMED:
            raise RefusedError(
                f"The {step.title.lower()} is confirmed; unconfirm it first to move it."
            )
    mark = Mark(
        name=step.name,
        side=step.side,
        position_lps_mm=point_lps_mm,
        sop_instance_uid=volume.slices[slice_index].source.sop_instance_uid,
    )
    kept = tuple(item for item in session.marks if item not in replaced)
    return state.with_session(replace(session, marks=(*kept, mark), signature=None))


def moved(state: State, volume: Volume, mark: Mark, point_lps_mm: Floats) -> State:
    """Move one mark within its slice; whoever put it, a person placed it now.

    Raises
    ------
    RefusedError
        If the mark is confirmed.
    """
    if mark.state is MarkState.CONFIRMED:
        raise RefusedError(
            f"The {step_of(mark).title.lower()} is confirmed; unconfirm it first to move it."
        )
    changed = Mark(
        name=mark.name,
        side=mark.side,
        position_lps_mm=point_lps_mm,
        sop_instance_uid=volume.slices[slice_of(volume, mark)].source.sop_instance_uid,
    )
    return _with_marks(state, {mark: changed})


def removed(state: State, mark: Mark) -> State:
    """Take one mark away.

    Raises
    ------
    RefusedError
        If the mark is confirmed.
    """
    if mark.state is MarkState.CONFIRMED:
        raise RefusedError(
            f"The {step_of(mark).title.lower()} is confirmed; unconfirm it first to remove it."
        )
    return _with_marks(state, {mark: None})


def with_mark_state(state: State, marks: tuple[Mark, ...], to: MarkState) -> State:
    """Confirm marks, or take the confirmation back.

    A proposal that is taken back from confirmed becomes `placed` by the reader: a person looked.
    """
    changes: dict[Mark, Mark | None] = {
        mark: replace(
            mark,
            state=to,
            source=Source.HUMAN if to is MarkState.PLACED else mark.source,
        )
        for mark in marks
        if mark.state is not to
    }
    return _with_marks(state, changes)


def proposed(state: State, side: Side, proposals: tuple[Mark, ...]) -> State:
    """Put a program's proposals in the place of its earlier ones on one side.

    A space of which a person has touched a mark stays as it is.
    """
    session = state.session
    kept = tuple(mark for mark in session.marks if not _is_proposal(mark, side))
    fresh = tuple(
        mark for mark in proposals if only_proposed(session, step_of(mark).kind, mark.side)
    )
    return state.with_session(replace(session, marks=(*kept, *fresh), signature=None))


def pointed_at(
    state: State,
    side: Side,
    seeds: tuple[Seed, ...],
    points: tuple[OutlinePoint, ...],
    proposals: tuple[Mark, ...],
) -> State:
    """Note where the reader pointed on one side, and what the program proposes from it."""
    others = tuple(seed for seed in state.session.seeds if seed.side is not side)
    dragged = tuple(point for point in state.dragged if point.side is not side)
    seeded = state.with_session(replace(state.session, seeds=(*others, *seeds), signature=None))
    return proposed(seeded.with_dragged((*dragged, *points)), side, proposals)


def rejected(state: State, side: Side) -> State:
    """Take everything away that the program proposes on one side, and what it began from."""
    return pointed_at(state, side, (), (), ())


def rests_on_seeds(session: Session, mark: Mark) -> bool:
    """Tell whether a mark is a proposal that the seeds of its side would bring back."""
    return _is_proposal(mark, mark.side) and any(seed.side is mark.side for seed in session.seeds)


def _is_proposal(mark: Mark, side: Side) -> bool:
    return mark.side is side and mark.state is MarkState.PROPOSED


def portable(session: Session, points: tuple[OutlinePoint, ...]) -> Session:
    """Give a reading as a session file can hold it, so that it is measured as it was shown.

    Dragged outline points have no place there. Where a side has some, its seeds would be searched
    without them and give another distance; they are left out, and the proposed marks speak.
    """
    corrected = {point.side for point in points}
    seeds = tuple(seed for seed in session.seeds if seed.side not in corrected)
    return session if len(seeds) == len(session.seeds) else replace(session, seeds=seeds)


def with_level_end(
    state: State, volume: Volume, side: Side, slice_index: int, *, first: bool
) -> State:
    """Set the first or the last slice that shows the lesser trochanter of one side."""
    name = slice_id(volume, slice_index)
    old_first, old_last = state.session.level_range.get(side, (name, name))
    ends = (name, old_last) if first else (old_first, name)
    ranges = {**state.session.level_range, side: ends}
    return state.with_session(replace(state.session, level_range=ranges, signature=None))


def with_finding(state: State, side: Side, finding: str, code: str | None) -> State:
    """Note one companion finding of one side, or take it back."""
    here = _with_entry(state.session.findings.get(side, {}), finding, code)
    findings = {**state.session.findings, side: here}
    return state.with_session(replace(state.session, findings=findings, signature=None))


def with_acquisition(state: State, fact: str, code: str | None) -> State:
    """Note how the patient lay, or take it back."""
    acquisition = _with_entry(state.session.acquisition, fact, code)
    return state.with_session(replace(state.session, acquisition=acquisition, signature=None))


def with_reader(state: State, reader: str | None) -> State:
    """Say who reads; a signature of somebody else does not survive it."""
    return state.with_session(replace(state.session, reader=reader or None, signature=None))


def signed(state: State, volume: Volume, signed_at: str) -> State:
    """Sign the reading.

    Raises
    ------
    RefusedError
        If there is no reader, no mark, or a mark that is not confirmed.
    """
    session = state.session
    if not session.reader:
        raise RefusedError("Give your reader ID first; a signature needs a reader.")
    if not session.marks:
        raise RefusedError("There is no mark to sign for.")
    waiting = [mark for mark in session.marks if mark.state is not MarkState.CONFIRMED]
    if waiting:
        titles = ", ".join(step_of(mark).title.lower() for mark in waiting[:3])
        raise RefusedError(f"Confirm every mark before signing; not confirmed yet: {titles}.")
    return state.with_session(sign(session, volume, session.reader, signed_at))


def second_reading(state: State, volume: Volume, reader: str) -> State:
    """Begin another, independent reading; the first is kept and no longer shown.

    Raises
    ------
    RefusedError
        If the reader ID is empty or already taken by another reading.
    """
    if not reader:
        raise RefusedError("Give the second reader an ID first.")
    if any(session.reader == reader for session in state.sessions):
        raise RefusedError(f"Reader {reader} already has a reading here; use another ID.")
    if state.session.reader is None:
        raise RefusedError("Give the first reader an ID before the second reading begins.")
    sessions = (*state.sessions, _empty_session(volume, reader))
    return State(sessions, len(sessions) - 1, state.points)


def shown_reading(state: State, index: int) -> State:
    """Go back to another reading."""
    return replace(state, active=index)


def pair(session: Session, step: Step, slice_index: int, volume: Volume) -> list[Mark]:
    """Give the marks of a step's space on one slice, the ischial one first."""
    found = (
        mark_at(volume, session, Step(name, step.side), slice_index)
        for name in MARKS_OF_KIND[step.kind]
    )
    return [mark for mark in found if mark is not None]


def _with_marks(state: State, changes: Mapping[Mark, Mark | None]) -> State:
    if not changes:
        return state
    marks = tuple(
        changed for mark in state.session.marks if (changed := changes.get(mark, mark)) is not None
    )
    return state.with_session(replace(state.session, marks=marks, signature=None))


def _with_entry(entries: Mapping[str, str], key: str, code: str | None) -> dict[str, str]:
    kept = {name: value for name, value in entries.items() if name != key}
    return kept if code is None else {**kept, key: code}
