"""What every slice shows, for the strip: bones, distances, the smallest and the second. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from ifspace.landmarks import Bone, FoundSide
from ifspace.model import (
    MARKS_OF_KIND,
    Kind,
    Mark,
    MarkState,
    Measurement,
    Session,
    Side,
    StudyResult,
    Volume,
)
from ifspace.reading.edits import level_range_of
from ifspace.reading.screen import slice_of

SliceRanges = Mapping[Side, tuple[int, int]]


class Seen(IntEnum):
    """Who says that a bone is on a slice, in rising order."""

    NOBODY = 0
    PROGRAM = 1
    READER = 2


@dataclass(frozen=True)
class Bones:
    """Whether ischium and lesser trochanter are on one slice of one side."""

    ischium: Seen = Seen.NOBODY
    trochanter: Seen = Seen.NOBODY


@dataclass(frozen=True)
class Cell:
    """One space on one slice.

    `ischial` and `femoral` tell which of its marks are there. An estimated distance is the
    program's and not among the values that are measured.
    """

    ischial: bool = False
    femoral: bool = False
    value_mm: float | None = None
    estimated: bool = False
    smallest: bool = False
    second: bool = False


def reader_levels(volume: Volume, session: Session) -> dict[Side, tuple[int, int]]:
    """Give the slices that the reader called the lesser trochanter's, per side."""
    levels = {side: level_range_of(volume, session, side) for side in Side}
    return {side: ends for side, ends in levels.items() if ends is not None}


def bones(
    volume: Volume,
    session: Session,
    found: Mapping[Side, FoundSide] | None = None,
    level_hint: SliceRanges | None = None,
) -> dict[tuple[Side, int], Bones]:
    """Tell for every slice which bones it shows, and who says so.

    Parameters
    ----------
    volume, session
        The images and the reading.
    found
        What the program outlined, per side.
    level_hint
        Slices that seem to show the lesser trochanter where nobody has pointed yet.
    """
    seen: dict[tuple[Side, int], list[Seen]] = {}

    def see(side: Side, slices: Iterable[int], place: int, who: Seen) -> None:
        for k in slices:
            here = seen.setdefault((side, k), [Seen.NOBODY, Seen.NOBODY])
            here[place] = max(here[place], who)

    ranges = reader_levels(volume, session)
    for mark in session.marks:
        see(mark.side, [slice_of(volume, mark)], _place(mark), _who(mark))
    for side, (first, last) in ranges.items():
        see(side, range(first, last + 1), 1, Seen.READER)
    for side, item in (found or {}).items():
        for outline in item.outlines:
            place = 0 if outline.structure == Bone.ISCHIUM else 1
            slices = [] if outline.slice_index is None else [outline.slice_index]
            see(side, slices, place, Seen.PROGRAM)
    for side, (first, last) in (level_hint or {}).items():
        if side not in ranges and side not in (found or {}):
            see(side, range(first, last + 1), 1, Seen.PROGRAM)
    return {key: Bones(*who) for key, who in seen.items()}


def _place(mark: Mark) -> int:
    return 0 if any(mark.name is names[0] for names in MARKS_OF_KIND.values()) else 1


def _who(mark: Mark) -> Seen:
    return Seen.PROGRAM if mark.state is MarkState.PROPOSED else Seen.READER


def cells(
    volume: Volume,
    session: Session,
    result: StudyResult | None,
    found: Mapping[Side, FoundSide] | None = None,
) -> dict[tuple[Kind, Side, int], Cell]:
    """Gather marks and distances; only slices that hold something have a cell."""
    gathered: dict[tuple[Kind, Side, int], Cell] = {}
    for kind in Kind:
        for side in Side:
            marked = _marked(volume, session, kind, side)
            values = _values(result, kind, side)
            estimates = _estimates(found, kind, side)
            ordered = sorted(values.values())
            for k in {*marked, *values, *estimates}:
                value_mm = values.get(k)
                gathered[kind, side, k] = Cell(
                    *marked.get(k, (False, False)),
                    value_mm=estimates.get(k) if value_mm is None else value_mm,
                    estimated=value_mm is None and k in estimates,
                    smallest=value_mm is not None and value_mm == ordered[0],
                    second=len(ordered) > 1 and value_mm == ordered[1],
                )
    return gathered


def _marked(
    volume: Volume, session: Session, kind: Kind, side: Side
) -> dict[int, tuple[bool, bool]]:
    present: dict[int, tuple[bool, bool]] = {}
    for mark in session.marks:
        if mark.side is side and mark.name in MARKS_OF_KIND[kind]:
            k = slice_of(volume, mark)
            ischial, femoral = present.get(k, (False, False))
            first = MARKS_OF_KIND[kind][0] is mark.name
            present[k] = (ischial or first, femoral or not first)
    return present


def _values(result: StudyResult | None, kind: Kind, side: Side) -> dict[int, float]:
    for space in result.spaces if result is not None else ():
        outcome = space.outcome
        if isinstance(outcome, Measurement) and (outcome.kind, outcome.side) == (kind, side):
            curve = {level.slice_index: level.value_mm for level in outcome.curve}
            return curve or {outcome.slice_index: outcome.value_mm}
    return {}


def _estimates(found: Mapping[Side, FoundSide] | None, kind: Kind, side: Side) -> dict[int, float]:
    item = (found or {}).get(side)
    return {} if item is None else {r.slice_index: r.value_mm for r in item.readings(kind)}
