"""How clearly a cortex is seen: a dark line, brighter on both sides, looked at squarely.

The search casts rays from the middle of a bone; they cross a flat wall obliquely and blur it, so
their reward says little about a thin plate such as the ischium. Here the signal is read across the
fitted edge instead, on the scale of this bone's marrow and of this image's muscle.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage as ndi

from ifspace.geometry import Floats
from ifspace.landmarks.borders.candidates import PROFILE_MM, PROFILE_STEP_MM
from ifspace.landmarks.borders.surfaces import (
    INNER_STEP,
    OUTER_STEP_MIN,
    OUTER_STEP_OF_MUSCLE,
    OUTER_WEIGHT,
)

# Where marrow and the tissue outside are read, clear of the blurred flanks of the line.
INSIDE_MM = (0.6, 2.7)
OUTSIDE_MM = (0.6, 2.2)
# The darkest place may lie this far outside the fitted line.
SLACK_MM = 0.3
# An edge is the same over this much of its length: noise is averaged along it.
ALONG_MM = 1.5
# Level of muscle between cortex (0) and marrow (1), whatever its estimate says.
MUSCLE_RANGE = (0.15, 0.8)


def clearness(
    signal: Floats,
    offset_mm: Floats,
    thickness_mm: Floats,
    *,
    marrow: float,
    cortex: float,
    muscle: float,
    step_mm: float,
) -> Floats:
    """Measure at every point of an edge how clearly its cortex is seen.

    Parameters
    ----------
    signal
        Across the outline, outwards, (n, samples) at `candidates.PROFILE_MM`.
    offset_mm, thickness_mm
        Where the outer edge was found on every profile, and the thickness of the cortex, (n,).
    marrow, cortex, muscle
        Signal of the three tissues.
    step_mm
        Distance of two points of the outline.

    Returns
    -------
    Floats
        (n,); 1.7 for a line that marrow and the tissue outside both exceed by what is usual,
        below 0 where what should be outside is darker than the line.
    """
    span = max(marrow - cortex, 1e-3 * abs(marrow), 1e-9)
    level = (ndi.gaussian_filter1d(signal, ALONG_MM / step_mm, axis=0) - cortex) / span
    at = PROFILE_MM[None, :] - offset_mm[:, None]
    inner_mm = -np.asarray(thickness_mm)[:, None]
    inside = _mean(level, (at > inner_mm - INSIDE_MM[1]) & (at < inner_mm - INSIDE_MM[0]))
    outside = _mean(level, (at > OUTSIDE_MM[0]) & (at < OUTSIDE_MM[1]))
    line = (at > inner_mm - SLACK_MM) & (at < max(SLACK_MM, PROFILE_STEP_MM))
    darkest = np.min(np.where(line, level, np.inf), axis=1)
    tissue = np.clip((muscle - cortex) / span, *MUSCLE_RANGE)
    usual = max(OUTER_STEP_MIN, OUTER_STEP_OF_MUSCLE * tissue)
    inner = np.minimum((inside - darkest) / INNER_STEP, 1.0)
    outer = np.clip((outside - darkest) / usual, -1.0, 1.0)
    return np.asarray(inner + OUTER_WEIGHT * outer)


def _mean(values: Floats, chosen: np.ndarray) -> Floats:
    """Mean of the chosen samples of every profile; the profile reaches past all of them."""
    return np.asarray((values * chosen).sum(1) / np.maximum(chosen.sum(1), 1))
