"""The true level of the lesser trochanter: where it stands out farthest, and over which slices."""

from __future__ import annotations

import math

import numpy as np
from benchmarks.accuracy.hips import Hip, Scan, border_uv, femur, shaft_axis, trochanter_tip

RASTER_MM = 0.5
# Half a slice or less: the apex is read off a parabola through the levels around the highest.
LEVEL_STEP_MM = 0.5
AROUND = 3
# The fillet of shaft and neck lifts the apex above the tip of the bare lesser trochanter, by up
# to 4 mm; slices lean by up to 10 degrees.
BELOW_TIP_MM, ABOVE_TIP_MM = 6.0, 9.0
# How far the range may reach from its apex, down and up.
RANGE_MM = (-15.0, 14.0)


def prominence(hip: Hip, scan: Scan, level: float) -> float:
    """How far the femur stands out beyond its shaft, in the direction of its lesser trochanter."""
    rows = np.arange(scan.pixel_rows()[0], scan.pixel_rows()[-1], RASTER_MM)
    columns = np.arange(scan.pixel_columns()[0], scan.pixel_columns()[-1], RASTER_MM)
    x, y, z = scan.points(rows, columns, level)
    # The border between the points of the raster: the apex is so flat that whole points would
    # move it by millimetres.
    edge = border_uv(femur(hip, hip.side * x, y, z)[0], rows, columns)
    x, y, z = scan.turn @ np.c_[edge, np.full(len(edge), level)].T
    cx, cy = shaft_axis(hip, z)
    dx, dy = hip.side * x - cx, y - cy
    ux, uy = -math.cos(hip.version), math.sin(hip.version)
    along, across = dx * ux + dy * uy, np.abs(-dx * uy + dy * ux)
    seen = along > across
    reach = float(np.hypot(along, across)[seen].max()) if seen.any() else 0.0
    return reach - math.sqrt(hip.shaft_a * hip.shaft_b)


def apex_level(hip: Hip, scan: Scan) -> float:
    """Scanner level at which the lesser trochanter stands out farthest."""
    # Slices lean and the hip lies beside the scanner's axis: the levels count from its own tip.
    tip = float((scan.turn.T @ trochanter_tip(hip))[2])
    levels = tip + np.arange(-BELOW_TIP_MM, ABOVE_TIP_MM, LEVEL_STEP_MM)
    heights = np.array([prominence(hip, scan, level) for level in levels])
    top = int(np.argmax(heights))
    near = slice(top - AROUND, top + AROUND + 1)
    if top < AROUND or top + AROUND >= len(levels):
        raise ValueError("the apex lies at the end of the levels that were searched")
    bend, slope, _ = np.polyfit(levels[near] - levels[top], heights[near], 2)
    return float(levels[top] - 0.5 * slope / bend)


def trochanter_slices(hip: Hip, scan: Scan) -> tuple[int, ...]:
    """Slices in which the femur stands out by more than half of its peak: the true range."""
    apex = apex_level(hip, scan)
    peak = prominence(hip, scan, apex)
    shown = [
        k
        for k, level in enumerate(scan.levels)
        if RANGE_MM[0] <= level - apex <= RANGE_MM[1] and prominence(hip, scan, level) > 0.5 * peak
    ]
    return tuple(shown)
