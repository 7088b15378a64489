"""Find the slices that show the lesser trochanter, from the femur's outline.

The shaft below is round and straight. Going up, the lesser trochanter is the first place where
the outline stands out from the extrapolated axis of the shaft, backwards and towards the midline.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ifspace.geometry import Floats
from ifspace.landmarks.borders.lines import area_and_centroid
from ifspace.model import Reason, Refusal, Side

# The shaft: the lowest run of slices whose area stays below this multiple of the smallest.
SHAFT_AREA = 1.25
SHAFT_AREA_PERCENTILE = 15.0
SHAFT_SLICES_MIN = 2
SHAFT_USED_MM = 60.0
# Few thick slices show the shaft: its slope is shrunk to that of an average femur, in mm outwards
# and backwards per mm upwards.
SLOPE_OUT, SLOPE_BACK, SLOPE_SD = 0.11, -0.03, 0.08
CENTRE_SD_MM = 0.6
# Directions in which the lesser trochanter can lie: medial is 0, posterior 90 degrees.
SECTOR_DEG = (-5.0, 80.0)
# Height above the shaft: 6 to 24 mm in adults.
RISE_MIN_MM = 3.0
RISE_MAX_MM = 26.0
# A maximum below this share of one that follows soon is a ridge of the shaft.
RIDGE_SHARE = 0.6
RIDGE_REACH_MM = 25.0
# The range ends where less than half of the height is left, and at most this far above the apex.
HALF = 0.5
ABOVE_APEX_MM = 14.0
# The top is flat: its middle is told by where this share of the height is left on both sides.
FLANK = 0.8


@dataclass(frozen=True)
class Level:
    """Where the lesser trochanter is.

    Attributes
    ----------
    first, last
        Slice indices of the range, in index order.
    apex
        Slice of the greatest prominence.
    apex_height_mm
        Height of the apex along the slice normal, between slices.
    prominence_mm
        How far it stands out there.
    confidence
        0 to 1: prominence against what is usual, and a fall on both sides.
    """

    first: int
    last: int
    apex: int
    apex_height_mm: float
    prominence_mm: float
    confidence: float


def _shaft_run(areas: Floats) -> int:
    """Count the lowest slices that belong to the shaft."""
    limit = SHAFT_AREA * np.percentile(areas, SHAFT_AREA_PERCENTILE)
    beyond = np.flatnonzero(areas >= limit)
    return int(beyond[0]) if beyond.size else len(areas)


def _axis(heights_mm: Floats, centres: Floats, outward: float) -> tuple[Floats, Floats]:
    """Fit the shaft's axis with a prior on its slope: point at height 0, slope per mm."""
    middle = heights_mm.mean()
    h = heights_mm - middle
    slope = np.empty(2)
    for axis, expected in enumerate((outward * SLOPE_OUT, SLOPE_BACK)):
        data = float(h @ centres[:, axis]) / CENTRE_SD_MM**2
        weight = float(h @ h) / CENTRE_SD_MM**2 + 1 / SLOPE_SD**2
        slope[axis] = (data + expected / SLOPE_SD**2) / weight
    return centres.mean(0) - slope * middle, slope


def prominences(
    outlines: Mapping[int, Floats],
    heights_mm: Mapping[int, float],
    side: Side,
    shaft_slices: int | None = None,
) -> tuple[tuple[int, ...], Floats, int]:
    """Measure how far the outline stands out from the shaft in every slice.

    Parameters
    ----------
    outlines
        Closed femoral outline per slice index, (n, 2): mm towards the patient's left, and
        backwards, in one frame for all slices.
    heights_mm
        Height of every slice, growing towards the head.
    side
        The patient's side.
    shaft_slices
        At most this many of the lowest slices tell the shaft; told by their areas if absent.

    Returns
    -------
    tuple
        Slice indices from low to high, the prominence in each, and how many belong to the shaft.
    """
    order = tuple(sorted(outlines, key=lambda k: heights_mm[k]))
    shapes = [area_and_centroid(outlines[k], outlines[k].mean(0)) for k in order]
    areas = np.abs([area for area, _ in shapes])
    run = min(_shaft_run(areas), len(order) if shaft_slices is None else shaft_slices)
    heights = np.array([heights_mm[k] for k in order])
    outward = 1.0 if side is Side.LEFT else -1.0
    if run < 1:
        return order, np.zeros(len(order)), 0
    # The femur is bowed: only the shaft next to the trochanter tells its axis.
    near = heights[:run] >= heights[run - 1] - SHAFT_USED_MM
    centres = np.stack([c for _, c in shapes[:run]])[near]
    point, slope = _axis(heights[:run][near], centres, outward)
    radius_mm = float(np.sqrt(np.median(areas[:run][near]) / np.pi))
    out = []
    for k, height in zip(order, heights, strict=True):
        offset = (outlines[k] - (point + slope * height)) * np.array([-outward, 1.0])
        angle = np.degrees(np.arctan2(offset[:, 1], offset[:, 0]))
        seen = (angle > SECTOR_DEG[0]) & (angle < SECTOR_DEG[1])
        reach = np.linalg.norm(offset[seen], axis=1).max() if seen.any() else 0.0
        out.append(float(reach) - radius_mm)
    return order, np.array(out), run


def _prominences_from_bare_shaft(
    outlines: Mapping[int, Floats], heights_mm: Mapping[int, float], side: Side
) -> tuple[tuple[int, ...], Floats, int]:
    """Measure again with the shaft below the lesser trochanter only.

    Areas alone let the lesser trochanter pass as shaft: it draws the axis towards itself, and
    apex and range come out too low.
    """
    first = prominences(outlines, heights_mm, side)
    order, height_mm, _ = first
    heights = np.array([heights_mm[k] for k in order])
    peak = _first_peak(height_mm, heights)
    if peak is None:
        return first
    low, _ = _half_range(height_mm, heights, peak)
    if low < SHAFT_SLICES_MIN:
        return first
    again = prominences(outlines, heights_mm, side, shaft_slices=low)
    moved = _first_peak(again[1], heights)
    # A ridge on a bowed shaft turns into another one: then the first look stands.
    return again if moved is not None and abs(moved - peak) <= 1 else first


def find_level(
    outlines: Mapping[int, Floats], heights_mm: Mapping[int, float], side: Side
) -> Level | Refusal:
    """Find apex and range of the lesser trochanter.

    Parameters
    ----------
    outlines, heights_mm, side
        As for :func:`prominences`.

    Returns
    -------
    Level or Refusal
        Refused where the shaft below is not shown or nothing stands out.
    """
    if len(outlines) < 4:
        return Refusal(
            Reason.FEMUR_NOT_COVERED,
            f"the femur is seen on {len(outlines)} slices, at least 4 are needed",
        )
    order, height_mm, run = _prominences_from_bare_shaft(outlines, heights_mm, side)
    if run < SHAFT_SLICES_MIN:
        return Refusal(
            Reason.LEVEL_NOT_COVERED,
            "no femoral shaft below the lesser trochanter: scan further down, or give the range",
        )
    heights = np.array([heights_mm[k] for k in order])
    peak = _first_peak(height_mm, heights)
    if peak is None:
        return Refusal(
            Reason.LEVEL_NOT_COVERED,
            "no lesser trochanter stands out from the femoral shaft within the images",
        )
    low, high = _half_range(height_mm, heights, peak)
    fall = float(height_mm[peak] - height_mm[peak + 1 :][:3].min())
    usual = np.clip((height_mm[peak] - RISE_MIN_MM) / 5.0, 0.0, 1.0)
    confidence = float(usual * np.clip(0.5 + fall / 6.0, 0.0, 1.0))
    first, last = sorted((order[low], order[high]))
    return Level(
        first,
        last,
        order[peak],
        _apex_height_mm(height_mm, heights, peak),
        float(height_mm[peak]),
        confidence,
    )


def _first_peak(height_mm: Floats, heights: Floats) -> int | None:
    """Find the first local maximum from below that stands out enough.

    A ridge of the shaft may come first: it is passed over if a much higher one follows.
    """
    peaks = []
    for k in range(1, len(height_mm) - 1):
        before, here, after = height_mm[k - 1 : k + 2]
        rise = here - height_mm[: k + 1].min()
        if here >= before and here > after and RISE_MIN_MM < min(here, rise) < RISE_MAX_MM:
            peaks.append(k)
    for n, k in enumerate(peaks):
        near = [height_mm[m] for m in peaks[n + 1 :] if heights[m] - heights[k] < RIDGE_REACH_MM]
        if not near or height_mm[k] >= RIDGE_SHARE * max(near):
            return k
    return None


def _half_range(height_mm: Floats, heights: Floats, peak: int) -> tuple[int, int]:
    """Widen from the peak while more than half of its height is left."""
    enough = height_mm > HALF * height_mm[peak]
    low = high = peak
    while low > 0 and enough[low - 1]:
        low -= 1
    while (
        high + 1 < len(heights)
        and enough[high + 1]
        and heights[high + 1] - heights[peak] <= ABOVE_APEX_MM
    ):
        high += 1
    return low, high


def _apex_height_mm(height_mm: Floats, heights: Floats, peak: int) -> float:
    """Find the apex between slices: the middle between its flanks.

    A wavy label moves the highest of few slices far along a flat top, and its flanks little. A
    parabola tells the top where a flank is not shown or goes over into the neck.
    """
    lower, upper = (_flank_mm(height_mm, heights, peak, step) for step in (-1, 1))
    if lower is None or upper is None:
        return _top_of_parabola_mm(height_mm, heights, peak)
    return float(np.clip(0.5 * (lower + upper), heights[peak - 1], heights[peak + 1]))


def _flank_mm(height_mm: Floats, heights: Floats, peak: int, step: int) -> float | None:
    """Height at which the outline has fallen from the peak to its flank, downwards or upwards."""
    left = FLANK * height_mm[peak]
    at = peak + step
    while 0 <= at < len(heights) and abs(heights[at] - heights[peak]) <= ABOVE_APEX_MM:
        if height_mm[at] <= left:
            pair = [at, at - step]
            return float(np.interp(left, height_mm[pair], heights[pair]))
        at += step
    return None


def _top_of_parabola_mm(height_mm: Floats, heights: Floats, peak: int) -> float:
    """Interpolate the top between slices with a parabola."""
    y0, y1, y2 = height_mm[peak - 1 : peak + 2]
    bend = y0 - 2 * y1 + y2
    shift = 0.5 * (y0 - y2) / bend if abs(bend) > 1e-6 else 0.0
    step_mm = 0.5 * (heights[peak + 1] - heights[peak - 1])
    return float(heights[peak] + np.clip(shift, -0.5, 0.5) * step_mm)
