"""What is said about distances that the program found."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ifspace.automatic import muscle_disagreements, outcome_of
from ifspace.geometry import Plane, Segment
from ifspace.landmarks import FoundSide, QualityGrade, SliceReading
from ifspace.model import (
    Kind,
    Measurement,
    NotMeasured,
    Reason,
    Refusal,
    Series,
    Severity,
    Side,
    Slice,
    SliceSource,
    Volume,
)


def with_muscle(room_mm: float, muscle_mm: float | None) -> FoundSide:
    """A side whose smallest room is on slice 4."""
    reading = SliceReading(
        4,
        Segment([0.0, 0.0, 0.0], [room_mm, 0.0, 0.0]),
        room_mm,
        1.0,
        1.0,
        0.7,
        QualityGrade.GREEN,
        muscle_mm=muscle_mm,
    )
    return FoundSide(Side.LEFT, "masks/1", (), (reading,))


def test_a_muscle_label_that_disagrees_by_more_than_3_mm_is_shown():
    (flag,) = muscle_disagreements([with_muscle(12.0, 8.9)])
    assert flag.code == "muscle_label_disagrees"
    assert flag.severity is Severity.CAUTION
    assert flag.slice_indices == (4,)
    assert "left" in flag.detail


@pytest.mark.parametrize("muscle_mm", [None, 9.1, 14.9])
def test_a_muscle_label_that_agrees_or_is_absent_is_not(muscle_mm):
    assert muscle_disagreements([with_muscle(12.0, muscle_mm)]) == ()


STEP_MM = 4.0


def stack_of(count: int) -> Volume:
    """Axial slices 4 mm apart."""
    slices = tuple(
        Slice(
            Plane([0.0, 0.0, STEP_MM * k], [1.0, 0, 0], [0, 1.0, 0], 1.0, 1.0, (60, 60)),
            SliceSource(Path("analytic")),
        )
        for k in range(count)
    )
    series = Series(sources=tuple(item.source for item in slices), rows=60, columns=60)
    return Volume(series, slices, np.zeros((count, 60, 60)))


def found_with(*values_mm: float | None) -> FoundSide:
    """The distance on every slice; absent where it is hidden."""
    entries = []
    for k, value_mm in enumerate(values_mm):
        if value_mm is None:
            entries.append(Refusal(Reason.LOW_CONFIDENCE, "cortex not clearly visible", k))
            continue
        segment = Segment([10.0, 20.0, STEP_MM * k], [10.0 + value_mm, 20.0, STEP_MM * k])
        entries.append(SliceReading(k, segment, value_mm, 1.0, 1.5, 0.7, QualityGrade.GREEN))
    return FoundSide(Side.LEFT, "seeds/1", tuple(entries), ())


@pytest.mark.parametrize(
    "values_mm", [(20.0, None, 18.0), (20.0, 16.0, None), (20.0, 18.0, 22.0, None)]
)
def test_no_headline_while_a_hidden_slice_may_be_smaller(values_mm):
    outcome = outcome_of(stack_of(4), found_with(*values_mm), Kind.IFS)
    assert isinstance(outcome, NotMeasured)
    assert outcome.reason is Reason.LOW_CONFIDENCE
    smallest_mm = min(value for value in values_mm if value is not None)
    assert f"at most {smallest_mm:.1f} mm on the slices read" in outcome.detail
    hidden = values_mm.index(None) + 1
    assert f"slice {hidden} could not be read and may be smaller" in outcome.detail
    assert [point.value_mm for point in outcome.curve] == [v for v in values_mm if v is not None]


def test_a_hidden_slice_beside_a_far_larger_distance_leaves_the_headline():
    """From 26 mm a distance does not fall below 18 mm over 4 mm of level."""
    outcome = outcome_of(stack_of(4), found_with(20.0, 18.0, 26.0, None), Kind.IFS)
    assert isinstance(outcome, Measurement)
    assert outcome.value_mm == pytest.approx(18.0)


def test_a_range_that_was_read_throughout_has_a_headline():
    outcome = outcome_of(stack_of(3), found_with(20.0, 18.0, 19.0), Kind.IFS)
    assert isinstance(outcome, Measurement)
