"""Which hip a point belongs to, from patient coordinates alone."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np

from ifspace.geometry import Floats, Segment
from ifspace.model import MARKS_OF_KIND, Mark, MarkName, Side, Volume

# The femoral end of either space lies lateral of the ischial end. A segment that points the other
# way by more than this share of its length belongs to the other hip; nearly sagittal segments
# (a quadratus femoris space past a mass, for one) prove nothing.
LATERAL_SHARE = 0.2

# A pelvis between the two ischia is wider than this, so a narrower view shows one hip.
# A small view whose middle lies this far from the scanner's axis shows one hip.
ONE_HIP_MM = 40.0
BILATERAL_FIELD_OF_VIEW_MM = 260.0

# How far the middle of the visible body may lie from the patient's midline, seen on oblique and
# off-centre pelvic series; nearer to the middle than this no side is claimed. Ischial marks lie
# 40 mm and more from the midline.
MIDLINE_TOLERANCE_MM = 25.0

# Air is darker than this share of the brightest tissue (99th percentile), at the signal-to-noise
# ratios of clinical hip MRI (10 and more) and with fat suppressed or not.
AIR_SHARE = 0.15

_MIDLINES_X_MM: WeakKeyDictionary[Volume, dict[int, float | None]] = WeakKeyDictionary()

_ISCHIAL = frozenset(pair[0] for pair in MARKS_OF_KIND.values())


def side_of_pair(segment: Segment) -> Side | None:
    """Tell the side of a segment that runs from an ischial to a femoral mark.

    In LPS +x is the patient's left, so on the left hip the segment points to +x. None where it
    runs too nearly straight forward or backward to tell.
    """
    leftward = float(segment.direction_lps[0])
    if abs(leftward) < LATERAL_SHARE:
        return None
    return Side.LEFT if leftward > 0.0 else Side.RIGHT


def midline_x_mm(volume: Volume, slice_index: int) -> float | None:
    """Estimate where the patient's midline crosses a slice, in LPS x; None for one-sided views.

    The middle of what is not air, on a view wide enough for both hips. Remembered with the
    volume, whose voxels never change: a window asks for it with every move of the mouse.
    """
    known = _MIDLINES_X_MM.setdefault(volume, {})
    if slice_index not in known:
        known[slice_index] = _middle_of_body_x_mm(volume, slice_index)
    return known[slice_index]


def _middle_of_body_x_mm(volume: Volume, slice_index: int) -> float | None:
    plane = volume.slices[slice_index].plane
    rows, columns = plane.shape_ji
    corners_ji = [[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]]
    corner_x_mm = plane.to_lps_mm(corners_ji)[:, 0]
    if float(np.ptp(corner_x_mm)) < BILATERAL_FIELD_OF_VIEW_MM:
        return None
    pixels = volume.voxels[slice_index]
    body_ji = np.argwhere(pixels > AIR_SHARE * np.percentile(pixels, 99.0))
    if not len(body_ji):
        return None
    body_x_mm = plane.to_lps_mm(body_ji)[:, 0]
    # Percentiles, because a bright ghost or a single noisy pixel is not the skin.
    low_mm, high_mm = np.percentile(body_x_mm, [1.0, 99.0])
    return float(low_mm + high_mm) / 2.0


def only_side_shown(volume: Volume) -> Side | None:
    """Tell which hip a small field of view shows; None where both may be shown."""
    plane = volume.slices[len(volume.slices) // 2].plane
    rows, columns = plane.shape_ji
    corner_x_mm = plane.to_lps_mm(
        [[0, 0], [0, columns - 1], [rows - 1, 0], [rows - 1, columns - 1]]
    )
    x_mm = corner_x_mm[:, 0]
    middle_mm = float(x_mm.min() + x_mm.max()) / 2.0
    if float(np.ptp(x_mm)) >= BILATERAL_FIELD_OF_VIEW_MM or abs(middle_mm) < ONE_HIP_MM:
        return None
    return Side.LEFT if middle_mm > 0.0 else Side.RIGHT


def side_of_point(volume: Volume, point_lps_mm: Floats, marks: Sequence[Mark] = ()) -> Side | None:
    """Tell on which side a point lies, where marks or the image can tell.

    Marks of both sides decide by the middle between them; otherwise the middle of the body does.
    None where neither can tell: a view of one hip, or a point near the midline.
    """
    middle_mm = _middle_between_sides_mm(marks)
    tolerance_mm = 0.0
    if middle_mm is None:
        slice_index, _ = volume.nearest_slice(point_lps_mm)
        middle_mm = midline_x_mm(volume, slice_index)
        tolerance_mm = MIDLINE_TOLERANCE_MM
    if middle_mm is None or abs(float(point_lps_mm[0]) - middle_mm) < tolerance_mm:
        return None
    return Side.LEFT if float(point_lps_mm[0]) > middle_mm else Side.RIGHT


def _middle_between_sides_mm(marks: Sequence[Mark]) -> float | None:
    """Take the middle between the ischial marks of both sides, which face each other."""
    x_mm: dict[Side, list[float]] = {Side.LEFT: [], Side.RIGHT: []}
    for mark in marks:
        if mark.name in _ISCHIAL:
            x_mm[mark.side].append(float(mark.position_lps_mm[0]))
    if not x_mm[Side.LEFT] or not x_mm[Side.RIGHT]:
        return None
    return (min(x_mm[Side.LEFT]) + max(x_mm[Side.RIGHT])) / 2.0


def sides_are_crossed(marks: Sequence[Mark]) -> bool:
    """Tell whether marks called left lie right of marks called right, of the same name."""
    for name in MarkName:
        left_mm = [float(m.position_lps_mm[0]) for m in marks if (m.name, m.side) == (name, "left")]
        right_mm = [
            float(m.position_lps_mm[0]) for m in marks if (m.name, m.side) == (name, "right")
        ]
        if left_mm and right_mm and min(left_mm) < max(right_mm):
            return True
    return False
