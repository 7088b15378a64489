"""The ischiofemoral and the quadratus femoris space from marks.

In one slice the space is the distance between its two marks, measured in the plane of that slice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Segment
from ifspace.measurement.headline import LevelDistance, headline
from ifspace.measurement.sides import (
    only_side_shown,
    side_of_pair,
    side_of_point,
    sides_are_crossed,
)
from ifspace.measurement.uncertainty import (
    Budget,
    ReaderPrecision,
    half_width_95_mm,
    repeat_spread,
)
from ifspace.model import (
    MARKS_OF_KIND,
    Flag,
    Kind,
    Mark,
    MarkState,
    NotMeasured,
    Outcome,
    Reason,
    Refusal,
    Session,
    Side,
    Volume,
)

METHOD = "marks/1"

# Two marks nearer than this are one mark clicked twice; no published space is below 2 mm.
COINCIDENT_MM = 0.5

# Scanners interpolate to twice the matrix at most; beyond that the header means something else.
FINEST_INTERPOLATION = 2.0

_STATE_ORDER = list(MarkState)


@dataclass(frozen=True, eq=False)
class _Pair:
    """The marks of one space on one slice: the mean of the readings, and each reading's length."""

    slice_index: int
    segment: Segment
    readings_mm: tuple[float, ...]
    marks: tuple[Mark, ...]


def measure_space(
    volume: Volume,
    session: Session,
    kind: Kind,
    side: Side,
    *,
    flags: Sequence[Flag] = (),
    level_range: tuple[int, int] | None = None,
    precision: ReaderPrecision | None = None,
) -> Outcome:
    """Measure one space of one side from the marks of a session.

    Parameters
    ----------
    volume, session
        The images and the marks on them; the session must belong to the series.
    kind, side
        What to measure.
    flags
        What is known of the images; a refusal forbids the slices that it names.
    level_range
        First and last slice index that show the lesser trochanter on this side, where known.
    precision
        How well the readers of this department place the marks, instead of the default.

    Returns
    -------
    Outcome
        The smallest distance within the range with its curve, or the reason why there is none.
    """
    if not any(mark.side is side for mark in session.marks):
        shown = only_side_shown(volume)
        if shown not in (None, side):
            detail = f"the images show the {shown} hip only"
            return NotMeasured(kind, side, Reason.SIDE_NOT_SHOWN, detail)
    pairs = _pairs(volume, session.marks, kind, side, flags)
    if not isinstance(pairs, Refusal):
        pairs = _usable(pairs, flags, level_range)
    if isinstance(pairs, Refusal):
        return NotMeasured.of(kind, side, pairs)
    budget = repeat_budget(volume, session, kind, precision or ReaderPrecision())
    distances = [_distance(volume, kind, pair, budget) for pair in pairs]
    return headline(
        volume,
        kind,
        side,
        distances,
        level_range=level_range,
        method=METHOD,
        independent=True,
    )


def slice_of_mark(volume: Volume, mark: Mark) -> int:
    """Find the slice that a mark lies on; the mark's own SOP Instance UID has to agree.

    Raises
    ------
    ValueError
        If the mark lies on no slice, outside its image, or on another one than it names.
    """
    slice_index, gap_mm = volume.nearest_slice(mark.position_lps_mm)
    if gap_mm > volume.on_slice_mm:
        message = f"{mark.name} lies {gap_mm:.1f} mm from the nearest slice"
        raise ValueError(message)
    if not volume.slices[slice_index].plane.shows(mark.position_lps_mm):
        message = f"{mark.name} lies outside the image of {counted([slice_index])}"
        raise ValueError(message)
    named = mark.sop_instance_uid
    # Nearly always the nearest slice is the one named; looking through all of them with every move
    # of a mouse would take a fifth of the time there is.
    if named is None or volume.is_named(slice_index, named):
        return slice_index
    named_slices = [k for k in range(len(volume.slices)) if volume.is_named(k, named)]
    if not named_slices:
        message = f"{mark.name} names an image that is not in this series"
        raise ValueError(message)
    # Repeated slices share a place; the mark's own word decides between them.
    on_plane = [
        k
        for k in named_slices
        if abs(float(volume.slices[k].plane.height_mm(mark.position_lps_mm))) <= volume.on_slice_mm
    ]
    if not on_plane:
        message = f"{mark.name} does not lie on the slice that it names"
        raise ValueError(message)
    return on_plane[0]


def counted(slice_indices: Sequence[int]) -> str:
    """Name slices as people count them, from 1."""
    return f"slice {', '.join(str(index + 1) for index in slice_indices)}"


def level_range_indices(volume: Volume, session: Session, side: Side) -> tuple[int, int] | None:
    """Turn the level range of a session into the first and last slice index.

    Raises
    ------
    ValueError
        If it names a slice that the series does not have.
    """
    ends = session.level_range.get(side)
    if ends is None:
        return None
    indices = []
    for name in ends:
        matches = [k for k in range(len(volume.slices)) if volume.is_named(k, name)]
        if not matches:
            message = f"the level range of the {side} side names a slice that is not in this series"
            raise ValueError(message)
        indices.append(matches)
    return min(min(matches) for matches in indices), max(max(matches) for matches in indices)


def repeat_budget(
    volume: Volume, session: Session, kind: Kind, precision: ReaderPrecision
) -> Budget:
    """Pool a reader's own repeat readings of one kind of space over slices and sides."""
    sets_mm: list[Sequence[float]] = []
    for side in Side:
        ischial = MARKS_OF_KIND[kind][0]
        # A side with one mark has no repeat; most sessions, and every move of a mouse, end here.
        if sum(mark.name is ischial and mark.side is side for mark in session.marks) < 2:
            continue
        pairs = _pairs(volume, session.marks, kind, side)
        if not isinstance(pairs, Refusal):
            sets_mm.extend(pair.readings_mm for pair in pairs)
    spread = repeat_spread(sets_mm)
    return Budget({} if spread is None else {kind: spread}, precision)


def _pairs(
    volume: Volume,
    marks: Sequence[Mark],
    kind: Kind,
    side: Side,
    flags: Sequence[Flag] = (),
) -> list[_Pair] | Refusal:
    """Pair the marks of one space slice by slice, in slice order."""
    by_slice = []
    for name in MARKS_OF_KIND[kind]:
        mine = [mark for mark in marks if mark.name is name and mark.side is side]
        if not mine:
            return Refusal(Reason.MARK_MISSING, f"{name} is not placed")
        sorted_marks = _by_slice(volume, mine, flags)
        if isinstance(sorted_marks, Refusal):
            return sorted_marks
        by_slice.append(sorted_marks)
    ischial, femoral = by_slice
    shared = sorted(ischial.keys() & femoral.keys())
    if not shared:
        places = " and ".join(
            f"{name} on {counted(sorted(slices))}"
            for name, slices in zip(MARKS_OF_KIND[kind], by_slice, strict=True)
        )
        return Refusal(Reason.MARKS_ON_DIFFERENT_SLICES, f"{places}; place both on one slice")
    if sides_are_crossed([mark for mark in marks if _lies_on_a_slice(volume, mark)]):
        detail = "marks called left lie on the right of marks called right"
        return Refusal(Reason.SIDE_CONTRADICTED, detail)
    pairs = []
    for k in shared:
        pair = _pair(volume, k, ischial[k], femoral[k], side)
        if isinstance(pair, Refusal):
            return pair
        pairs.append(pair)
    return pairs


def _by_slice(
    volume: Volume, marks: Iterable[Mark], flags: Sequence[Flag]
) -> dict[int, list[Mark]] | Refusal:
    """Group marks by slice; refuse where one lies on no slice."""
    grouped: dict[int, list[Mark]] = {}
    for mark in marks:
        # On a slice whose geometry is refused, being outside the image means nothing.
        nearest, _ = volume.nearest_slice(mark.position_lps_mm)
        if any(flag.refuses(nearest) for flag in flags):
            grouped.setdefault(nearest, []).append(mark)
            continue
        try:
            grouped.setdefault(slice_of_mark(volume, mark), []).append(mark)
        except ValueError as error:
            return Refusal(Reason.MARKS_OUTSIDE_IMAGE, str(error))
    return grouped


def _lies_on_a_slice(volume: Volume, mark: Mark) -> bool:
    try:
        slice_of_mark(volume, mark)
    except ValueError:
        return False
    return True


def _pair(
    volume: Volume, slice_index: int, ischial: list[Mark], femoral: list[Mark], side: Side
) -> _Pair | Refusal:
    """Measure one slice; more marks of a name on it are repeat readings, in their order."""
    if len(ischial) != len(femoral):
        detail = (
            f"{counted([slice_index])} holds {len(ischial)} readings of {ischial[0].name} but"
            f" {len(femoral)} of {femoral[0].name}"
        )
        return Refusal(Reason.MARK_MISSING, detail)
    plane = volume.slices[slice_index].plane
    # A copy of a pair, to the last digit, is no second reading.
    readings = np.unique(
        [
            np.stack([start.position_lps_mm, end.position_lps_mm])
            for start, end in zip(ischial, femoral, strict=True)
        ],
        axis=0,
    )
    starts_lps_mm, ends_lps_mm = (plane.foot_lps_mm(readings[:, end]) for end in (0, 1))
    segment = Segment(starts_lps_mm.mean(axis=0), ends_lps_mm.mean(axis=0))
    if segment.length_mm < COINCIDENT_MM:
        detail = f"both marks lie within {COINCIDENT_MM} mm on {counted([slice_index])}"
        return Refusal(Reason.MARKS_COINCIDE, detail)
    if side_of_pair(segment) not in (None, side):
        detail = (
            f"the marks called {side} on {counted([slice_index])} run from the ischium to the"
            f" patient's {side_of_pair(segment)}"
        )
        return Refusal(Reason.SIDE_CONTRADICTED, detail)
    # The femoral end lies farthest from the midline, so it tells the side most surely.
    shown_side = side_of_point(volume, segment.end_lps_mm)
    if shown_side not in (None, side):
        detail = (
            f"the marks called {side} on {counted([slice_index])} lie on the patient's"
            f" {shown_side}, by the middle of the body"
        )
        return Refusal(Reason.SIDE_CONTRADICTED, detail)
    readings_mm = np.linalg.norm(ends_lps_mm - starts_lps_mm, axis=1)
    return _Pair(slice_index, segment, tuple(map(float, readings_mm)), (*ischial, *femoral))


def _usable(
    pairs: list[_Pair], flags: Sequence[Flag], level_range: tuple[int, int] | None
) -> list[_Pair] | Refusal:
    """Keep the pairs on sound slices within the range; refuse where none is left."""
    sound = [p for p in pairs if not any(flag.refuses(p.slice_index) for flag in flags)]
    if not sound:
        flag = next(flag for flag in flags for p in pairs if flag.refuses(p.slice_index))
        reasons = {reason.value: reason for reason in Reason}
        return Refusal(reasons.get(flag.code, Reason.GEOMETRY_UNTRUSTED), flag.detail)
    if level_range is None:
        return sound
    first, last = level_range
    inside = [pair for pair in sound if first <= pair.slice_index <= last]
    if not inside:
        places = counted([pair.slice_index for pair in sound])
        detail = f"marks on {places}, lesser trochanter on slice {first + 1} to {last + 1}"
        return Refusal(Reason.LEVEL_NOT_COVERED, detail)
    return inside


def interpolation_of(volume: Volume) -> float:
    """Tell how many times finer the stored pixels are than those that were acquired, 1 to 2."""
    matrix = volume.series.acquisition_matrix
    if matrix is None or max(matrix) < 1:
        return 1.0
    stored = max(volume.slices[0].plane.shape_ji)
    return float(np.clip(stored / max(matrix), 1.0, FINEST_INTERPOLATION))


def _distance(volume: Volume, kind: Kind, pair: _Pair, budget: Budget) -> LevelDistance:
    plane = volume.slices[pair.slice_index].plane
    readings = len(pair.readings_mm)
    parts, freedom = budget.parts(
        kind, pair.segment, plane, readings, interpolation=interpolation_of(volume)
    )
    return LevelDistance(
        slice_index=pair.slice_index,
        segment=pair.segment,
        u95_mm=half_width_95_mm(parts, freedom),
        state=min((mark.state for mark in pair.marks), key=_STATE_ORDER.index),
        marks=pair.marks,
        budget=parts,
        readings=readings,
    )
