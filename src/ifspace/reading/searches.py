"""What the library is asked for, and what it answered: searches from seeds, remembered. Pure."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ifspace.automatic import outcome_of
from ifspace.landmarks import (
    FoundSide,
    Memory,
    OutlinePoint,
    Reading,
    SliceReading,
    from_seeds,
)
from ifspace.model import (
    Flag,
    Kind,
    Mark,
    Measurement,
    Reason,
    Refusal,
    Seed,
    SeedName,
    Session,
    Side,
    Volume,
)
from ifspace.reading.edits import State, level_range_of

# Answers of a long reading with many corrections; each is some 100 kB of outlines.
ANSWERS_KEPT = 40
METHOD = "seeds/1"


@dataclass(frozen=True, eq=False)
class Question:
    """One search: the seeds and dragged points of a side, and the slices to look at."""

    side: Side
    seeds: tuple[Seed, ...]
    level_range: tuple[int, int] | None
    points: tuple[OutlinePoint, ...] = ()

    @property
    def begins(self) -> Hashable:
        """What the first search depends on: corrections go on from there."""
        first: dict[str, tuple[float, ...]] = {}
        for seed in self.seeds:
            first.setdefault(seed.name, tuple(seed.position_lps_mm))
        return (self.side, self.level_range, tuple(sorted(first.items())))

    @property
    def key(self) -> Hashable:
        """Everything that the answer depends on besides the images."""
        return (
            self.side,
            self.level_range,
            tuple((seed.name, *seed.position_lps_mm) for seed in self.seeds),
            tuple((point.bone, *point.position_lps_mm) for point in self.points),
        )


def question_of(volume: Volume, state: State, side: Side) -> Question | None:
    """Give the search that a reading calls for on one side; nothing without a seed in each bone.

    A femur's seed alone is what a proposal without clicks leaves behind: nobody pointed yet.
    """
    return _question(volume, state.session, state.dragged, side)


def _question(
    volume: Volume, session: Session, points: tuple[OutlinePoint, ...], side: Side
) -> Question | None:
    seeds = tuple(seed for seed in session.seeds if seed.side is side)
    if not _in_both_bones(seeds):
        return None
    return Question(
        side,
        seeds,
        level_range_of(volume, session, side),
        tuple(point for point in points if point.side is side),
    )


def _in_both_bones(seeds: Sequence[Seed]) -> bool:
    return {seed.name for seed in seeds} == set(SeedName)


class Answers:
    """What the library found on one volume, so that no search is made twice.

    :meth:`search` takes up to seconds and belongs into a thread, one call at a time.
    """

    def __init__(self, volume: Volume, flags: tuple[Flag, ...] = ()) -> None:
        """Begin without any; `flags` are what is known of the images."""
        self.volume = volume
        self.flags = flags
        self._found: OrderedDict[Hashable, FoundSide] = OrderedDict()
        self._memories: dict[Side, tuple[Hashable, Memory]] = {}

    def known(self, question: Question) -> FoundSide | None:
        """Give what was found before, or nothing."""
        return self._found.get(question.key)

    def search(self, question: Question) -> FoundSide:
        """Ask the library. Whatever goes wrong there becomes a reason: the window stays alive."""
        memory = self._memory(question)
        try:
            return from_seeds(
                self.volume,
                question.seeds,
                question.side,
                question.level_range,
                points=question.points,
                memory=memory,
            )
        except Exception as error:  # noqa: BLE001
            detail = f"the search stopped unexpectedly ({type(error).__name__})"
            refusal = Refusal(Reason.LOW_CONFIDENCE, f"{detail}; place the marks by hand")
            return FoundSide(question.side, METHOD, refusal=refusal)

    def keep(self, question: Question, found: FoundSide) -> None:
        """Remember an answer; the oldest are forgotten."""
        self._found[question.key] = found
        while len(self._found) > ANSWERS_KEPT:
            self._found.popitem(last=False)

    def of(self, state: State) -> dict[Side, FoundSide]:
        """Give what is known for a reading."""
        questions = (question_of(self.volume, state, side) for side in Side)
        answers = {item.side: self.known(item) for item in questions if item is not None}
        return {side: found for side, found in answers.items() if found is not None}

    def _memory(self, question: Question) -> Memory:
        begins, memory = self._memories.get(question.side, (None, Memory()))
        if begins != question.begins:
            memory = Memory()
        self._memories[question.side] = (question.begins, memory)
        return memory


def marks_of(answers: Answers, question: Question, found: FoundSide) -> tuple[Mark, ...]:
    """Give the marks of the headline values of a side, as a report would take them."""
    outcomes = [
        outcome_of(
            answers.volume, found, kind, flags=answers.flags, level_range=question.level_range
        )
        for kind in Kind
    ]
    return tuple(mark for item in outcomes if isinstance(item, Measurement) for mark in item.marks)


def shown_marks(session: Session, found: Mapping[Side, FoundSide]) -> Session:
    """Leave out the seeds that wait for their answer: they would be searched here and now."""
    waiting = [
        side
        for side in Side
        if side not in found
        and _in_both_bones([seed for seed in session.seeds if seed.side is side])
    ]
    seeds = tuple(seed for seed in session.seeds if seed.side not in waiting)
    return session if len(seeds) == len(session.seeds) else replace(session, seeds=seeds)


def same_marks(some: tuple[Mark, ...], others: tuple[Mark, ...]) -> bool:
    """Tell whether two sets of marks lie at the same places."""

    def places(marks: tuple[Mark, ...]) -> list[tuple[str, tuple[float, ...]]]:
        return sorted((mark.name, tuple(np.round(mark.position_lps_mm, 6))) for mark in marks)

    return places(some) == places(others)


def slice_to_judge(question: Question, found: FoundSide, volume: Volume) -> int:
    """Choose the slice to look at once a search is over: the smallest distance, or the middle."""
    for kind in Kind:
        best = found.best(kind)
        if best is not None:
            return best.slice_index
    middle = found.ifs[len(found.ifs) // 2].slice_index if found.ifs else None
    if middle is not None:
        return middle
    return volume.nearest_slice(question.seeds[0].position_lps_mm)[0]


def words_of(found: FoundSide) -> str:
    """Say in a few sentences what came of a search, and what can be done."""
    side = found.side.value
    if found.refusal is not None:
        return f"No proposal on the {side}: {found.refusal.detail}."
    missing = [kind for kind in Kind if found.best(kind) is None]
    if len(missing) == len(Kind):
        return (
            f"No proposal on the {side}: {_first_reason(found)}. Drag an outline, point into the "
            "bone again (Shift+P), or place the marks by hand."
        )
    words = (
        "Judge the outlines: confirm a mark (C), drag it or the outline, "
        "or reject all of this side (Del)."
    )
    if missing:
        words = f"No {missing[0].value.upper()}: {_first_reason(found)}. {words}"
    return f"Proposed on the {side}, dashed. {words}"


def words_of_correction(volume: Volume, question: Question, found: FoundSide) -> str:
    """Say in one sentence what a correction did to the slice that it was made on."""
    last: OutlinePoint | Seed = question.points[-1] if question.points else question.seeds[-1]
    k, _ = volume.nearest_slice(last.position_lps_mm)
    here = {kind: item for kind in Kind for item in found.of(kind) if item.slice_index == k}
    told = [
        f"{kind.value.upper()} {item.value_mm:.1f} mm"
        for kind, item in here.items()
        if isinstance(item, SliceReading)
    ]
    refused = [kind for kind, item in here.items() if isinstance(item, Refusal)]
    if refused:
        names = " and no ".join(kind.value.upper() for kind in refused)
        told.append(f"no {names}, {_detail(here[refused[0]])}")
    return f"Outlines corrected. Slice {k + 1}: {'; '.join(told)}."


def _detail(item: Reading) -> str:
    return item.detail if isinstance(item, Refusal) else ""


def reason_of(found: FoundSide, kind: Kind) -> str | None:
    """Say why the program proposes nothing for a space; nothing where it does."""
    if found.refusal is not None:
        return found.refusal.detail
    if found.best(kind) is not None:
        return None
    details = [item.detail for item in found.of(kind) if isinstance(item, Refusal)]
    return details[len(details) // 2] if details else "no slice shows both borders"


def _first_reason(found: FoundSide) -> str:
    reasons = [reason_of(found, kind) for kind in Kind]
    return next((reason for reason in reasons if reason is not None), "")
