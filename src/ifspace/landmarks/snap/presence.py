"""Whether any edge of cortex or tendon lies near a mark: a coarse look for gross slips."""

from __future__ import annotations

import numpy as np

from ifspace.geometry import Floats
from ifspace.image import Patch, cut_patches, flatten
from ifspace.landmarks.borders.signal import estimate_cortex, estimate_muscle
from ifspace.landmarks.grading import exclusion
from ifspace.landmarks.snap.crossing import TENDON_DARK, TENDON_SIDE_MM
from ifspace.landmarks.snap.line import STEP_MM
from ifspace.landmarks.snap.mark import AHEAD_MM, AROUND, REACH_MM, WINDOW_MM, check_plane, facing
from ifspace.model import Mark, Volume

# The same reach as that of snapping: a careful mark lies within 2 mm of its edge.
NEAR_MM = REACH_MM
DIRECTIONS_RAD = np.arange(0.0, 2.0 * np.pi, np.pi / 8.0)
BESIDE_MM = np.array([-0.6, 0.0, 0.6])
# Marks of two readers on real hips lie beside a step of about 0.1 or more; even tissue, as marrow,
# a muscle's belly or air, holds none. Most places of a hip have some edge this near, so that only
# gross slips are seen: of marks moved by 8 mm about one in five.
STEP_MIN = 0.0


def edge_is_near(volume: Volume, slice_index: int, mark: Mark) -> bool | None:
    """Tell whether a step from dark cortex or tendon to brighter tissue lies near a mark.

    Unlike :func:`snap_to_edge` this does not ask for a clear edge, nor on which side of the mark
    it lies: it says no only where nothing of the kind is within `NEAR_MM`.

    Returns
    -------
    bool or None
        None where the images cannot tell: another contrast or plane, the rim of the image, or
        nothing that differs from cortex.
    """
    stored = volume.slices[slice_index].plane
    if exclusion.check_series(volume) or exclusion.check_pixels(volume) or check_plane(stored):
        return None
    at_lps_mm = stored.foot_lps_mm(mark.position_lps_mm)
    raw = cut_patches(
        volume, range(slice_index, slice_index + 1), at_lps_mm, (WINDOW_MM, WINDOW_MM)
    )[0]
    at_mm = raw.to_xy_mm(at_lps_mm)
    if not exclusion.inside_view(raw, at_mm + NEAR_MM * AROUND):
        return None
    shown = raw.signal[raw.seen]
    if shown.size == 0 or np.ptp(shown) == 0.0:
        return None
    patch = flatten(raw)
    dark = estimate_cortex(patch)
    contrast = estimate_muscle(patch, at_mm, at_mm + AHEAD_MM * facing(mark)) - dark
    if contrast <= 0.0:
        return None
    return float(_steps((_lines(patch, at_mm) - dark) / contrast).max()) > STEP_MIN


def _lines(patch: Patch, at_mm: Floats) -> Floats:
    """Read narrow bands through a point in all directions, (directions, samples)."""
    room_mm = NEAR_MM + TENDON_SIDE_MM
    along = np.arange(-room_mm, room_mm + STEP_MM / 2, STEP_MM)
    out = np.stack([np.cos(DIRECTIONS_RAD), np.sin(DIRECTIONS_RAD)], axis=1)
    beside = np.stack([-out[:, 1], out[:, 0]], axis=1)
    points = (
        at_mm
        + along[None, None, :, None] * out[:, None, None, :]
        + BESIDE_MM[None, :, None, None] * beside[:, None, None, :]
    )
    return np.asarray(patch.sample(points).mean(axis=1), dtype=np.float64)


def _steps(relative: Floats) -> Floats:
    """Rate the step at every sample: how much brighter it gets, less what is not dark before it.

    `relative` is 0 at cortex and 1 at muscle.
    """
    wide, samples = round(TENDON_SIDE_MM / STEP_MM), relative.shape[1]
    level = np.pad(np.cumsum(relative, axis=1), ((0, 0), (1, 0)))
    at = np.arange(wide, samples - wide + 1)
    inside = (level[:, at] - level[:, at - wide]) / wide
    outside = (level[:, at + wide] - level[:, at]) / wide
    rated = np.clip(outside - inside, -0.5, 1.0) - np.maximum(0.0, inside - TENDON_DARK)
    return np.asarray(rated, dtype=np.float64)
