"""How far the marks of two readers are apart."""

from __future__ import annotations

from collections.abc import Callable

from ifspace.reading.controller import ReadingController, SlicePoint
from ifspace.reading.outputs import points_apart

At = Callable[[float, float, float], SlicePoint]


def test_marks_of_two_readers_are_compared_point_by_point(
    controller: ReadingController, spot: At
) -> None:
    # Pixels are 0.6 mm wide, slices 4.4 mm apart.
    for column in (80, 50):
        controller.place(spot(2, 40, column))
    first = controller.session
    other = ReadingController(controller.volume, reader="B")
    other.place(spot(2, 40, 85))
    other.place(spot(3, 40, 50))
    assert points_apart(controller.volume, first, other.session) == (
        "Right ischium 3.0 mm",
        "Right lesser trochanter 4.4 mm, slices 3 and 4",
    )
