"""Choose the reported value from the distances on several slices.

One rule: the headline is the smallest in-plane distance within the lesser trochanter range. The
whole curve of distance against level is kept beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Segment
from ifspace.measurement.uncertainty import half_width_95_mm, smallest_of_several
from ifspace.model import (
    Kind,
    LevelValue,
    Mark,
    MarkState,
    Measurement,
    Side,
    UncertaintyPart,
    Volume,
)


@dataclass(frozen=True, eq=False)
class LevelDistance:
    """The distance on one slice, with all that the headline needs should it be the smallest."""

    slice_index: int
    segment: Segment
    u95_mm: float
    state: MarkState
    marks: tuple[Mark, ...] = ()
    budget: tuple[UncertaintyPart, ...] = ()
    readings: int = 1
    label_mm: float | None = None

    @property
    def value(self) -> LevelValue:
        """The point on the curve."""
        return LevelValue(self.slice_index, self.segment.length_mm, self.u95_mm)


def headline(
    volume: Volume,
    kind: Kind,
    side: Side,
    distances: Sequence[LevelDistance],
    *,
    level_range: tuple[int, int] | None,
    method: str,
    independent: bool = False,
    apex_slice_index: int | None = None,
    ifs_3d_mm: float | None = None,
) -> Measurement:
    """Report the smallest of the distances.

    Parameters
    ----------
    distances
        One per slice, at least one, in any order, all within `level_range`.
    level_range
        First and last slice index that show the lesser trochanter; where unknown, the first and
        the last measured slice stand in for it.
    independent
        Whether each slice was read for itself, so that the smallest is biased low; the
        interval then grows by what the choice adds.
    apex_slice_index
        The slice of the most prominent lesser trochanter, where known; its value is kept as a
        secondary for readers who use that rule.
    ifs_3d_mm
        The smallest distance in space, where known; kept beside the headline.
    """
    ordered = sorted(distances, key=lambda item: item.slice_index)
    smallest = min(ordered, key=lambda item: item.segment.length_mm)
    source = volume.slices[smallest.slice_index].source
    several = len(ordered) > 1
    ends = level_range or (ordered[0].slice_index, ordered[-1].slice_index)
    choice = _choice(ordered) if independent and several else ()
    at_apex = [item for item in ordered if item.slice_index == apex_slice_index]
    return Measurement(
        kind=kind,
        side=side,
        value_mm=smallest.segment.length_mm,
        u95_mm=float(np.hypot(smallest.u95_mm, half_width_95_mm(choice))),
        segment=smallest.segment,
        slice_index=smallest.slice_index,
        method=method,
        state=smallest.state,
        marks=smallest.marks,
        sop_instance_uid=source.sop_instance_uid,
        frame_number=source.frame_number,
        budget=(*smallest.budget, *choice),
        readings=smallest.readings,
        curve=tuple(item.value for item in ordered) if several else (),
        second_best_mm=sorted(item.segment.length_mm for item in ordered)[1] if several else None,
        minimum_at_range_end=smallest.slice_index in ends if several else None,
        label_mm=smallest.label_mm,
        apex_mm=at_apex[0].segment.length_mm if at_apex else None,
        ifs_3d_mm=ifs_3d_mm,
    )


def _choice(distances: Sequence[LevelDistance]) -> tuple[UncertaintyPart, ...]:
    standards_mm = [
        float(np.sqrt(sum(part.standard_mm**2 for part in item.budget))) for item in distances
    ]
    added_mm = smallest_of_several([item.segment.length_mm for item in distances], standards_mm)
    source = f"smallest of {len(distances)} slices"
    return (UncertaintyPart("choice of the slice", added_mm, source),)
