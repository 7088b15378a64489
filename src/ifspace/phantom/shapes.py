"""Implicit shapes: functions that are below zero inside and roughly millimetres from the surface.

All take arrays that broadcast against each other and keep their floating type, so that the same
function renders in single precision and solves the truth in double precision.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.floating[Any]]

_TINY = 1e-6


def ellipse(x: Array, y: Array, half_x: Any, half_y: Any) -> Array:
    """Give the distance to an ellipse about the origin, exact to first order at its border."""
    scaled = np.sqrt((x / half_x) ** 2 + (y / half_y) ** 2)
    slope = np.sqrt((x / half_x**2) ** 2 + (y / half_y**2) ** 2)
    return np.asarray((scaled + _TINY) * (scaled - 1.0) / (slope + _TINY))


def ellipsoid(x: Array, y: Array, z: Array, half_mm: tuple[float, float, float]) -> Array:
    """Give the distance to an ellipsoid about the origin, exact to first order at its border."""
    a, b, c = half_mm
    scaled = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    slope = np.sqrt((x / a**2) ** 2 + (y / b**2) ** 2 + (z / c**2) ** 2)
    return np.asarray((scaled + _TINY) * (scaled - 1.0) / (slope + _TINY))


def smooth_union(first: Array, second: Array, blend_mm: float) -> Array:
    """Join two shapes with a fillet; where they differ by more than `blend_mm` it is the plain one.

    That compact reach is what keeps a far-away ramus from moving the lateral ischial cortex.
    """
    overlap = np.maximum(blend_mm - np.abs(first - second), 0.0) / blend_mm
    return np.asarray(np.minimum(first, second) - overlap * overlap * blend_mm * 0.25)


def smooth_cut(first: Array, second: Array, blend_mm: float) -> Array:
    """Keep what is inside both shapes, with a rounded edge."""
    return -smooth_union(-first, -second, blend_mm)


def cone(
    x: Array,
    y: Array,
    z: Array,
    *,
    start: tuple[float, float, float, float],
    end: tuple[float, float, float, float],
) -> Array:
    """Give the distance to a capsule whose radius changes from start to end, each (x, y, z, r)."""
    axis = [e - s for s, e in zip(start[:3], end[:3], strict=True)]
    px, py, pz = x - start[0], y - start[1], z - start[2]
    along = (px * axis[0] + py * axis[1] + pz * axis[2]) / sum(a * a for a in axis)
    along = np.clip(along, 0.0, 1.0)
    away = np.sqrt(
        (px - along * axis[0]) ** 2 + (py - along * axis[1]) ** 2 + (pz - along * axis[2]) ** 2
    )
    return np.asarray(away - (start[3] + (end[3] - start[3]) * along))


def strap(x: Array, y: Array, start: tuple[Any, Any, Any], end: tuple[Any, Any, Any]) -> Array:
    """Give the distance to a flat capsule in the plane; each end is (x, y, radius)."""
    axis_x, axis_y = end[0] - start[0], end[1] - start[1]
    px, py = x - start[0], y - start[1]
    along = (px * axis_x + py * axis_y) / (axis_x**2 + axis_y**2 + _TINY)
    along = np.clip(along, 0.0, 1.0)
    away = np.sqrt((px - along * axis_x) ** 2 + (py - along * axis_y) ** 2)
    return np.asarray(away - (start[2] + (end[2] - start[2]) * along))
