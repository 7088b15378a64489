"""The smallest distance between the bones in space: a number of its own, not the one in a slice.

A distance in space is 2.5 mm smaller than that in a slice on average, and up to 6 mm. Published
cut-offs were made in slices, so nothing is ever compared with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage as ndi
from scipy.spatial import cKDTree
from skimage.measure import find_contours

from ifspace.geometry import Floats
from ifspace.image import RASTER_MM
from ifspace.landmarks.borders.lines import signed_depth_mm

# The ischial part reaches this far above and below the lesser trochanter: beyond it, acetabulum
# and ramus come nearer to the femur than the tuberosity does.
ISCHIUM_REACH_MM = 16.0
# Outlines are interpolated by their signed distance on a raster, slice by slice.
LEVEL_MM = 1.0
MARGIN_MM = 4.0
SMOOTH_SIGMA = 1.0


def smallest_in_space(
    femur: Mapping[float, Floats],
    ischium: Mapping[float, Floats],
    range_mm: tuple[float, float],
) -> float | None:
    """Measure between two stacks of outlines.

    Parameters
    ----------
    femur, ischium
        Closed outline (n, 2) in mm per height in mm, in one frame for all heights; the ischial
        part alone.
    range_mm
        Lowest and highest height of the lesser trochanter: the femur counts within it, the
        ischium up to 16 mm from its middle.

    Returns
    -------
    float or None
        The distance; nothing where a stack has fewer than two outlines.
    """
    middle = 0.5 * sum(range_mm)
    reach = (middle - ISCHIUM_REACH_MM, middle + ISCHIUM_REACH_MM)
    a, b = _surface(femur, range_mm), _surface(ischium, reach)
    if a is None or b is None:
        return None
    return float(cKDTree(a).query(b)[0].min())


def _surface(outlines: Mapping[float, Floats], range_mm: tuple[float, float]) -> Floats | None:
    """Points (n, 3) of a surface through outlines, every millimetre of height."""
    heights = np.array(sorted(outlines))
    within = np.flatnonzero((heights >= range_mm[0]) & (heights <= range_mm[1]))
    if len(heights) < 2 or len(within) == 0:
        return None
    # One outline more on either side, to interpolate up to the ends.
    heights = heights[max(0, within[0] - 1) : within[-1] + 2]
    points = np.vstack([outlines[h] for h in heights])
    low = points.min(0) - MARGIN_MM
    shape = tuple(np.ceil((points.max(0) - low + MARGIN_MM) / RASTER_MM).astype(int)[::-1])
    depths = [signed_depth_mm(outlines[h] - low, shape) for h in heights]
    fields = np.stack([ndi.gaussian_filter(depth, SMOOTH_SIGMA) for depth in depths])
    found: list[Floats] = []
    first, last = max(range_mm[0], heights[0]), min(range_mm[1], heights[-1])
    for level in np.append(np.arange(first, last, LEVEL_MM), last):
        found += _lines_at(fields, heights, float(level), low)
    return np.vstack(found) if found else None


def _lines_at(fields: Floats, heights: Floats, level: float, low: Floats) -> Sequence[Floats]:
    """Outlines (n, 3) at one height, between the two nearest ones."""
    above = int(np.clip(np.searchsorted(heights, level), 1, len(heights) - 1))
    share = (level - heights[above - 1]) / (heights[above] - heights[above - 1])
    field = (1 - share) * fields[above - 1] + share * fields[above]
    lines = find_contours(field, 0.0)
    return [
        np.c_[line[:, ::-1] * RASTER_MM + low, np.full(len(line), level)]
        for line in lines
        if len(line) > 8
    ]
