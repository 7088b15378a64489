"""What is said about distances that the program found."""

from __future__ import annotations

import pytest

from ifspace.automatic import muscle_disagreements
from ifspace.geometry import Segment
from ifspace.landmarks import FoundSide, QualityGrade, SliceReading
from ifspace.model import Severity, Side


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
