"""Turn what the program found in the images into outcomes, marks and outlines.

A distance that the program found is a proposal: it carries the state of its marks, and every
report says so until a person confirms them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ifspace.geometry import closest_points
from ifspace.labels import LabelMap
from ifspace.landmarks import (
    FoundSide,
    Proposal,
    ProposedSide,
    SliceReading,
    from_masks,
    from_seeds,
)
from ifspace.measurement import LevelDistance, half_width_95_mm, headline
from ifspace.measurement.spaces import counted, interpolation_of
from ifspace.measurement.uncertainty import Budget, not_below, program_parts
from ifspace.model import (
    MARKS_OF_KIND,
    Flag,
    FlagCode,
    Kind,
    LevelValue,
    Mark,
    MarkName,
    MarkState,
    Measurement,
    NotMeasured,
    Outcome,
    Outline,
    Reason,
    Refusal,
    SeedName,
    Session,
    Severity,
    Side,
    Source,
    Volume,
)

# A muscle label as a second estimate of the room: more than this apart is worth a look.
MUSCLE_TOLERANCE_MM = 3.0
# A distance changes by less than this from slice to slice, in mm per mm of level: at most 1.34
# over 100 pairs of neighbouring slices of 28 analytic hips.
STEEPEST = 1.5


class Finder:
    """Finds the borders of a side once, for both of its spaces."""

    def __init__(
        self,
        volume: Volume,
        session: Session,
        labels: LabelMap | None,
        known: Mapping[Side, FoundSide],
    ) -> None:
        """Search one volume; `known` sides are not searched again."""
        self.volume, self.session, self.labels = volume, session, labels
        self._known = known
        self._sides: dict[Side, FoundSide] = {}

    @property
    def found(self) -> tuple[FoundSide, ...]:
        """Every side that was searched."""
        return tuple(self._sides.values())

    def corrected(self, outcomes: Sequence[Outcome]) -> Iterator[FoundSide]:
        """Give the sides whose proposed marks hold a reader's corrections."""
        for side, found in self._known.items():
            proposed = any(
                isinstance(item, Measurement) and item.state is MarkState.PROPOSED
                for item in outcomes
                if item.side is side
            )
            if proposed and side not in self._sides:
                yield found

    def can_find(self, kind: Kind, side: Side) -> bool:
        """Tell whether this side has seeds or a label map.

        What was found before and corrected gives the reason for a space that has no marks.
        """
        seeded = any(seed.side is side for seed in self.session.seeds)
        marked = any(
            mark.side is side and mark.name in MARKS_OF_KIND[kind] for mark in self.session.marks
        )
        return seeded or self.labels is not None or (side in self._known and not marked)

    def find(self, side: Side, level_range: tuple[int, int] | None) -> FoundSide:
        """Find both spaces of a side: from its seeds, or else from the label map."""
        if side not in self._sides and side in self._known:
            self._sides[side] = self._known[side]
        if side not in self._sides:
            seeds = [seed for seed in self.session.seeds if seed.side is side]
            # A femur seed alone is only a proposal; the label map knows the ischium.
            complete = {seed.name for seed in seeds} == set(SeedName)
            if self.labels is not None and not complete:
                found = from_masks(self.volume, self.labels, side, level_range)
            else:
                found = from_seeds(self.volume, seeds, side, level_range)
            self._sides[side] = found
        return self._sides[side]


def outcome_of(
    volume: Volume,
    found: FoundSide,
    kind: Kind,
    *,
    flags: Sequence[Flag] = (),
    level_range: tuple[int, int] | None = None,
) -> Outcome:
    """Turn the readings of one side into the headline value, or into the reason for none.

    Parameters
    ----------
    volume, found, kind
        The images, what was found on one side, and which space to report.
    flags
        What is known of the images; a refusal forbids the slices that it names.
    level_range
        First and last slice index that show the lesser trochanter; where the session gives none,
        the range that the program found and looked at.
    """
    if found.refusal is not None:
        return NotMeasured.of(kind, found.side, found.refusal)
    sound = [
        reading
        for reading in found.readings(kind)
        if not any(flag.refuses(reading.slice_index) for flag in flags)
    ]
    if not sound:
        return NotMeasured.of(kind, found.side, _why_none(found, kind, flags))
    distances = [_distance(volume, found, kind, reading) for reading in sound]
    curve = [distance.value for distance in distances]
    hidden = _may_be_smaller(volume, _looked_at(found, kind), curve)
    if hidden:
        return NotMeasured(
            kind, found.side, Reason.LOW_CONFIDENCE, _at_most(curve, hidden), tuple(curve)
        )
    return headline(
        volume,
        kind,
        found.side,
        distances,
        level_range=level_range or _looked_at(found, kind),
        method=found.method,
        apex_slice_index=found.apex_slice,
        ifs_3d_mm=found.ifs_3d_mm if kind is Kind.IFS else None,
    )


def _may_be_smaller(
    volume: Volume, level_range: tuple[int, int], curve: Sequence[LevelValue]
) -> list[int]:
    """Give the slices of a range without a number whose distance may be below all others."""
    smallest_mm = min(point.value_mm for point in curve)
    planes = [item.plane for item in volume.slices]

    def least_mm(k: int) -> float:
        """Lower limit of the distance on a slice, from those beside it."""
        return max(
            point.value_mm
            - STEEPEST * abs(float(planes[k].height_mm(planes[point.slice_index].origin_lps_mm)))
            for point in curve
        )

    read = {point.slice_index for point in curve}
    within = range(level_range[0], level_range[1] + 1)
    return [k for k in within if k not in read and least_mm(k) < smallest_mm]


def _at_most(curve: Sequence[LevelValue], hidden: Sequence[int]) -> str:
    """Say what the slices that were read allow to say: an upper limit."""
    best = min(curve, key=lambda point: point.value_mm)
    return (
        f"at most {best.value_mm:.1f} mm on the slices read (± {best.u95_mm:.1f} mm on "
        f"{counted([best.slice_index])}); {counted(hidden)} could not be read and may be smaller: "
        "look there and place the marks, or narrow the level range"
    )


def _looked_at(found: FoundSide, kind: Kind) -> tuple[int, int]:
    indices = [item.slice_index for item in found.of(kind) if item.slice_index is not None]
    return min(indices), max(indices)


def _why_none(found: FoundSide, kind: Kind, flags: Sequence[Flag]) -> Refusal:
    """Give the reason of the refusing flag, or of the middle refused slice."""
    if found.readings(kind):
        refusal = next(flag for flag in flags if flag.severity is Severity.REFUSAL)
        return Refusal(Reason.GEOMETRY_UNTRUSTED, refusal.detail)
    refused = [item for item in found.of(kind) if isinstance(item, Refusal)]
    if not refused:
        return Refusal(Reason.LOW_CONFIDENCE, "no slice of the range shows both borders")
    return refused[len(refused) // 2]


def _distance(volume: Volume, found: FoundSide, kind: Kind, reading: SliceReading) -> LevelDistance:
    shown = volume.slices[reading.slice_index]
    reader, _ = Budget().parts(
        kind, reading.segment, shown.plane, interpolation=interpolation_of(volume)
    )
    budget = not_below(
        program_parts(reading.segment, shown.plane, reading.u95_mm, volume.slice_step_mm), reader
    )
    ends = (reading.segment.start_lps_mm, reading.segment.end_lps_mm)
    marks = tuple(
        Mark(
            name=name,
            side=found.side,
            position_lps_mm=end,
            state=MarkState.PROPOSED,
            source=Source.PROGRAM,
            confidence=reading.confidence,
            sop_instance_uid=shown.source.sop_instance_uid,
        )
        for name, end in zip(MARKS_OF_KIND[kind], ends, strict=True)
    )
    return LevelDistance(
        slice_index=reading.slice_index,
        segment=reading.segment,
        u95_mm=half_width_95_mm(budget),
        state=MarkState.PROPOSED,
        marks=marks,
        budget=budget,
        label_mm=reading.label_mm,
    )


def unread_slices(found: Iterable[FoundSide]) -> tuple[Flag, ...]:
    """Say where a slice of the range could not be read: the minimum could lie there."""
    flags = []
    for side in found:
        for kind in Kind:
            unread = [item for item in side.of(kind) if isinstance(item, Refusal)]
            indices = tuple(item.slice_index for item in unread if item.slice_index is not None)
            if unread and side.readings(kind):
                detail = (
                    f"The {side.side} {kind.name} could not be read on {counted(indices)}"
                    f" ({unread[0].detail}); its smallest value may lie there."
                )
                flags.append(Flag(FlagCode.SLICES_NOT_READ, Severity.CAUTION, detail, indices))
    return tuple(flags)


def muscle_disagreements(found: Iterable[FoundSide]) -> tuple[Flag, ...]:
    """Say where the labelled quadratus femoris is not as thick as the room that was measured."""
    flags = []
    for side in found:
        best = side.best(Kind.QFS)
        if best is None or best.muscle_mm is None:
            continue
        if abs(best.muscle_mm - best.value_mm) > MUSCLE_TOLERANCE_MM:
            detail = (
                f"The label of the {side.side} quadratus femoris is {best.muscle_mm:.0f} mm thick"
                f" where the QFS is {best.value_mm:.0f} mm; look at both before you rely on either."
            )
            flags.append(
                Flag(FlagCode.MUSCLE_LABEL_DISAGREES, Severity.CAUTION, detail, (best.slice_index,))
            )
    return tuple(flags)


def with_proposals(session: Session, outcomes: Iterable[Outcome]) -> Session:
    """Add the marks that the program found to a session, in the place of its earlier proposals.

    A mark that a person placed or confirmed is never touched.
    """
    marks = list(session.marks)
    for outcome in outcomes:
        if not isinstance(outcome, Measurement) or outcome.state is not MarkState.PROPOSED:
            continue
        new = [mark for mark in outcome.marks if mark.source is Source.PROGRAM]
        places = {(mark.name, mark.side) for mark in new}
        theirs = [mark for mark in marks if (mark.name, mark.side) in places]
        if any(mark.state is not MarkState.PROPOSED for mark in theirs):
            continue
        marks = [mark for mark in marks if (mark.name, mark.side) not in places] + new
    return replace(session, marks=tuple(marks))


def only_proposed(session: Session, kind: Kind, side: Side) -> bool:
    """Tell whether no person has touched the marks of a space, or there are none."""
    return all(
        mark.state is MarkState.PROPOSED
        for mark in session.marks
        if mark.side is side and mark.name in MARKS_OF_KIND[kind]
    )


def proposed_session(volume: Volume, proposal: Proposal) -> Session:
    """Write what can be proposed without any click as a session: level, femur, one mark a side.

    The mark is where the femur's outline comes nearest to where the ischium is to be expected.
    There is never a second mark, so no distance can come of it.
    """
    series = volume.series
    found = [item for item in proposal.sides.values() if isinstance(item, ProposedSide)]
    return Session(
        study_instance_uid=series.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        frame_of_reference_uid=series.frame_of_reference_uid,
        marks=tuple(_proposed_trochanter(volume, item) for item in found),
        seeds=tuple(item.femur_seed for item in found),
        level_range={
            item.side: (volume.slice_name(item.level.first), volume.slice_name(item.level.last))
            for item in found
        },
        outlines=tuple(
            outline
            for item in found
            for outline in (
                *item.outlines,
                Outline("ischium_region", item.side, item.ischium_region_lps_mm),
            )
        ),
    )


def _proposed_trochanter(volume: Volume, side: ProposedSide) -> Mark:
    apex = next(item for item in side.outlines if item.slice_index == side.level.apex)
    middle_lps_mm = side.ischium_region_lps_mm.mean(axis=0, keepdims=True)
    nearest, _ = closest_points(apex.points_lps_mm, middle_lps_mm)
    return Mark(
        name=MarkName.LESSER_TROCHANTER_MEDIAL,
        side=side.side,
        position_lps_mm=apex.points_lps_mm[nearest],
        state=MarkState.PROPOSED,
        source=Source.PROGRAM,
        confidence=side.confidence,
        sop_instance_uid=volume.slices[side.level.apex].source.sop_instance_uid,
    )


def why_not_measured(proposal: Proposal, kind: Kind, side: Side) -> NotMeasured:
    """Say why there is no distance without marks: what could not be found, or who must point."""
    item = proposal.sides[side]
    if isinstance(item, ProposedSide):
        return NotMeasured(
            kind,
            side,
            Reason.ISCHIUM_NOT_CONFIRMED,
            f"lesser trochanter proposed on {counted([item.level.first])} to"
            f" {item.level.last + 1}; a person has to point at the ischium",
        )
    return NotMeasured.of(kind, side, item)
